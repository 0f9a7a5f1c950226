"""Small batches and algorithms of MMRazor's detectors and segmentors."""
import torch
from mmcv.cnn.bricks import DropPath
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmrazor.registry import MODELS

from mmcckd.config_files.without_weights import without_weights
from mmcckd.engine.config_arguments import read_config

PKD = 'distill/mmdet/pkd/pkd_fpn_mask-rcnn_swin_retina_r50_2x_coco.py'
CWD = 'distill/mmdet/cwd/cwd_cls_head_gfl_r101_fpn_gfl_r50_fpn_1x_coco.py'
FBKD = ('distill/mmdet/fbkd/'
        'fbkd_fpn_faster-rcnn_r101_faster-rcnn_r50_1x_coco.py')
FCOS3D = ('distill/mmdet3d/pkd/pkd_fpn_fcos3d_r101_fcos3d_r50_8xb2-1x_nus-'
          'mono3d.py')
SEG = ('distill/mmseg/cwd/cwd_logits_pspnet_r101-d8_pspnet_r18-d8_4xb2-80k_'
       'cityscapes-512x1024.py')
SIZE = 128


def read(recipe):
    cfg = read_config(f'mmrazor::{recipe}')
    if recipe == SEG:  # the batch is padded to this size
        for network in (cfg.model.architecture, cfg.model.teacher):
            network.data_preprocessor = dict(size=(SIZE, SIZE))
    if recipe == CWD:  # record the logits, as the name of the file says
        cfg.model.type = 'SingleTeacherDistill'
        distiller = cfg.model.distiller
        for side in ('student', 'teacher'):
            distiller[f'{side}_recorders'].fpn.source = 'bbox_head.gfl_cls'
        for mapping in distiller.loss_forward_mappings.values():
            for record in mapping.values():  # a call for each level
                record.record_idx = record.pop('data_idx')
    return cfg


def build(cfg, seed=0):
    """The algorithm of a recipe with random weights and without dropout,
    which MMRazor does not turn off in teachers."""
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(without_weights(cfg.model))
    for network in (model.architecture, model.teacher):
        for module in network.modules():
            if 'Pretrained' in str(getattr(module, 'init_cfg', None)):
                module.init_cfg = None
            if isinstance(module, torch.nn.Dropout2d):
                module.p = 0.
            if isinstance(module, DropPath):
                module.drop_prob = 0.
    model.train()
    return model


def batch_of(model, cfg):
    """Two images, of different sizes for detectors."""
    generator = torch.Generator().manual_seed(0)
    if cfg.default_scope == 'mmdet':
        from mmdet.testing import demo_mm_inputs
        data = demo_mm_inputs(
            2, [[3, SIZE, 96], [3, 96, SIZE]], num_items=[2, 1])
    else:
        from mmseg.structures import SegDataSample
        data = dict(inputs=[], data_samples=[])
        for _ in range(2):
            sample = SegDataSample(metainfo=dict(img_shape=(SIZE, SIZE)))
            sample.gt_sem_seg = PixelData(
                data=torch.randint(
                    0, 19, (1, SIZE, SIZE), generator=generator))
            data['data_samples'].append(sample)
            data['inputs'].append(
                torch.randint(
                    0,
                    256, (3, SIZE, SIZE),
                    generator=generator,
                    dtype=torch.uint8))
    return model.data_preprocessor(data, True)


def losses_of(model, batch):
    # Detectors draw boxes to compute a loss, also of the teacher.
    model.student.register_forward_pre_hook(
        lambda *_: torch.manual_seed(1) and None)
    return model(**batch, mode='loss')
