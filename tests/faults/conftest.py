"""Small runs of two recipes, and what they end with undisturbed."""
import copy
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from mmrazor.registry import MODELS
from training_process import ROOT, TrainingProcess

DIGITS = 'configs/cckd/r18w16_r10w6_digits.py'
MSMT17 = 'configs/cckd/r50_mbv2_msmt17.py'
EPOCHS = 6


@dataclass
class Recipe:
    """A config, and the work dir of an undisturbed run of it."""
    config: Path
    undisturbed: Path
    seconds: float = 0.  # that the training took, without its preparation

    def start(self, work_dir, *arguments, **kwargs):
        return TrainingProcess(self.config, work_dir, *arguments, **kwargs)


def _recipe(cfg, folder):
    cfg.model.teacher_ckpt = str(folder / 'teacher.pth')
    torch.manual_seed(0)
    teacher = MODELS.build(cfg.model.teacher)
    teacher.init_weights()
    save_checkpoint(
        dict(state_dict=teacher.state_dict()), cfg.model.teacher_ckpt)
    cfg.train_cfg.update(max_epochs=EPOCHS, val_interval=1)
    cfg.default_hooks.checkpoint.update(max_keep_ckpts=1, save_best='auto')
    cfg.default_hooks.logger.interval = 1
    recipe = Recipe(folder / 'config.py', folder / 'undisturbed')
    cfg.dump(recipe.config)
    run = recipe.start(recipe.undisturbed)
    run.wait_for('Checkpoints will be saved')
    start = time.time()
    run.succeed()
    recipe.seconds = time.time() - start
    return recipe


@pytest.fixture(scope='session')
def digits(tmp_path_factory):
    cfg = Config.fromfile(ROOT / DIGITS)
    cfg.param_scheduler.update(T_max=EPOCHS, end=EPOCHS)
    return _recipe(cfg, tmp_path_factory.mktemp('digits'))


def _narrow(network, channels):
    network = copy.deepcopy(network)
    network.backbone.update(
        init_cfg=None, stem_channels=channels, base_channels=channels)
    network.head.in_channels = 8 * channels
    return network


@pytest.fixture(scope='session')
def msmt17(tmp_path_factory, toy_msmt17):
    """With workers, narrow networks and small images."""
    cfg = Config.fromfile(ROOT / MSMT17)
    cfg.model.teacher = _narrow(cfg.r18, 16)
    cfg.model.architecture = _narrow(cfg.r18, 8)
    cfg.model.distiller.connectors.kernel_s[0].module_args.update(
        in_features=64, out_features=128)
    for loader in cfg.train_dataloader, cfg.val_dataloader:
        loader.num_workers = 1
        loader.dataset.data_root = toy_msmt17
        for transform in loader.dataset.pipeline:
            if transform.type == 'Resize':
                transform.scale = (16, 32)
            if transform.type == 'RandomCrop':
                transform.update(crop_size=(32, 16), padding=2)
    cfg.train_dataloader.batch_size = 48
    return _recipe(cfg, tmp_path_factory.mktemp('msmt17'))


@pytest.fixture
def recipe(request):
    """The recipe of the name that a test gives."""
    return request.getfixturevalue(request.param)


def pytest_terminal_summary(terminalreporter):
    """Show what tests have recorded as their figures."""
    for report in terminalreporter.getreports('passed'):
        for name, value in report.user_properties:
            if name == 'figures' and report.when == 'call':
                terminalreporter.write_line(value)
