"""What a config in a checkpoint may hold; tests/security/ has the attacks."""
import pytest
from mmengine.config import Config

from mmcckd.export.stored_config import check_cfg_path, check_stored_config


def test_registered_types_pass():
    check_stored_config(
        Config(
            dict(
                a=[dict(type='LinearClsHead'), dict(type='mmpretrain.ResNet')],
                b=dict(type='mmrazor.WideResNet'),
                c=dict(type='mmengine.DefaultSampler'),
                train_cfg=dict(augments=[dict(type='Mixup')]),
                nms=dict(type='nms'), targets=[dict(type='qkv')])))


@pytest.mark.parametrize('name', [
    'Anything', 'os.system', 'mmengine.load', 'mmpretrain.get_model',
    'mmengine.runner.load_checkpoint', 'mmcckd.Digits'
])
def test_other_types_do_not(name):
    with pytest.raises(ValueError, match=f'type {name!r}, which is not in a '):
        check_stored_config(Config(dict(a=[dict(b=dict(type=name))])))


def test_arguments_pass():
    dataset = dict(
        data_root='/data/coco/', ann_file='annotations/val.json',
        data_prefix=dict(img='images/'), img_suffix='_left.png',
        metainfo=dict(classes=['a (b)', 'c/d']), backend_args=None)
    check_stored_config(
        Config(
            dict(
                default_scope='mmdet',
                model=dict(arch='regnetx_1.6gf', b='768/32', c=['p16', '', -1],
                           _scope_='mmcls',
                           prototype=dict(dataset=dataset)),
                test_dataloader=dict(
                    dataset=dict(dataset=dataset, backend_args=dict(
                        backend='local'))),
                test_evaluator=dict(ann_file='data/coco/val.json'))))


def test_config_files_of_packages_pass():
    check_cfg_path('mmpretrain::resnet/resnet18_8xb16_cifar10.py')
    check_cfg_path('mmcckd::configs/cckd/r50_mbv2_in1k.py')
