"""The rows of ``train_step.py``: runners that are ready to train."""
import copy
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, Optional

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import LOOPS, OPTIM_WRAPPERS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn

import mmcckd  # noqa: F401  (first, it makes mmrazor importable)
from mmcckd.engine import build_runner
from mmcckd.engine.host_defaults import fill_in_preprocessor
from mmcckd.models.relu6 import keep_outputs_of_relu6

from mmrazor.registry import MODELS  # isort: skip

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = {
    'stock': 'mmrazor::distill/mmcls/kd/'
    'kd_logits_resnet50_mobilenet-v2_8xb32_in1k.py',
    'student': 'mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py',
    'flagship': ROOT / 'configs/cckd/r50_mbv2_in1k.py',
}
SAMPLES_PER_CLASS = 4  # in a batch of the flagship
BATCHES = 2


@dataclass(frozen=True)
class Row:
    """A row of the table: a recipe and options."""
    recipe: str
    precision: str = 'float32'
    teacher_dtype: Optional[str] = None
    compile: bool = False
    stored: bool = False
    prepared: bool = False

    @property
    def stock(self) -> str:
        """The row that this one is compared with."""
        return 'stock' if self.precision == 'float32' else (
            f'stock, {self.precision}')


ROWS = {
    'bfloat16 teacher': Row('flagship', teacher_dtype='bfloat16'),
    'flagship, compiled': Row('flagship', compile=True),
    'stored, compiled': Row('flagship', compile=True, stored=True),
}
for precision in ('float32', 'TF32', 'AMP'):
    end = '' if precision == 'float32' else f', {precision}'
    teacher = 'bfloat16' if precision == 'AMP' else None
    ROWS['stock' + end] = Row('stock', precision)
    ROWS['student alone' + end] = Row('student', precision)
    ROWS['student, prepared' + end] = Row('student', precision, prepared=True)
    ROWS['flagship' + end] = Row('flagship', precision, teacher)
    ROWS['stored' + end] = Row('flagship', precision, teacher, stored=True)
for name in ('flagship, AMP', 'stored, AMP'):
    ROWS[f'{name}, compiled'] = replace(ROWS[name], compile=True)


@LOOPS.register_module()
class PreparedLoop(EpochBasedTrainLoop):
    """Do what comes before the first iteration, but no iteration."""

    def run(self) -> nn.Module:
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        return self.runner.model


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """MMEngine's AmpOptimWrapper needs a GPU."""

    @contextmanager
    def optim_context(self, model: nn.Module):
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(
                device, torch.bfloat16):
            yield


def write_images(folder: Path, batch: int) -> None:
    """Write images of noise for two batches, in folders of classes."""
    rng = np.random.default_rng(0)
    for label in range(BATCHES * batch // SAMPLES_PER_CLASS):
        for k in range(SAMPLES_PER_CLASS):
            image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
            mmcv.imwrite(image, str(folder / f'n{label:08d}/{k}.JPEG'))


def data_loader(folder: Path, batch: int, size: int) -> dict:
    """The data loader of the flagship, with generated images."""
    loader = Config.fromfile(CONFIGS['flagship']).train_dataloader
    pipeline = loader.dataset.pipeline
    for transform in pipeline:
        if transform.type == 'RandomResizedCrop':
            transform.scale = size
    loader.update(
        batch_size=batch,
        num_workers=0,
        persistent_workers=False,
        pin_memory=torch.cuda.is_available(),
        collate_fn=dict(type='default_collate'))
    loader.dataset = dict(
        type='mmpretrain.CustomDataset',
        data_root=str(folder),
        pipeline=pipeline)
    return loader


def runner_of(name: str, loader: dict, teacher: str, folder: Path) -> Runner:
    """Build the runner of a row, and prepare it for its first iteration."""
    row = ROWS[name]
    file = CONFIGS[row.recipe]
    cfg = Config.fromfile(file) if isinstance(file, Path) else get_config(file)
    fill_in_preprocessor(cfg)
    if row.recipe != 'student':
        cfg.model.teacher_ckpt = teacher
    if row.recipe == 'flagship':
        cfg.model.update(compile=row.compile, teacher_dtype=row.teacher_dtype)
        if row.stored:
            cfg.model.teacher_store = dict(
                path=str(folder / f'store of {name}'), views=1)
    if row.precision == 'AMP':
        cfg.optim_wrapper.update(
            type='AmpOptimWrapper', dtype='bfloat16'
        ) if torch.cuda.is_available() else cfg.optim_wrapper.update(
            type='BFloat16OptimWrapper')
    cfg.optim_wrapper.optimizer.lr = 1e-4  # for random weights
    cfg.train_dataloader = copy.deepcopy(loader)
    cfg.train_cfg = dict(type='PreparedLoop', max_epochs=1)
    cfg.work_dir = str(folder / 'work_dir')
    cfg.experiment_name = name.replace(', ', '_').replace(' ', '_')
    cfg.log_level = 'WARNING'
    for part in ('val', 'test'):
        for key in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{part}_{key}'] = None
    runner = build_runner(cfg)
    if row.prepared:
        prepare_student(runner.model)
    runner.train()
    return runner


def prepare_student(student: BaseModel) -> None:
    """Do what FrozenTeacherDistill does to its student."""
    keep_outputs_of_relu6(student)
    student.to(memory_format=torch.channels_last)
    student.backbone.register_forward_pre_hook(lambda _, inputs: inputs[
        0].contiguous(memory_format=torch.channels_last))


def networks(images: torch.Tensor) -> Dict[str, BaseModel]:
    """Student and teacher with random weights."""
    cfg = Config.fromfile(CONFIGS['flagship'])
    models = dict(
        student=MODELS.build(cfg.mbv2), teacher=MODELS.build(cfg.r50))
    for model in models.values():
        give_statistics(model.to(images.device), images)
    return models


def give_statistics(network: nn.Module, images: torch.Tensor) -> None:
    """Set BatchNorm statistics of the images, and logits that differ."""
    network.init_weights()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
            module.reset_running_stats()
    network.train()
    with torch.no_grad():
        network(images, mode='tensor')
        nn.init.normal_(network.head.fc.weight, std=0.1)
