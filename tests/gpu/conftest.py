"""Recipes whose training takes seconds, for tests on a GPU."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmrazor.registry import MODELS

CONFIGS = Path(__file__).parents[2] / 'configs'
DIGITS = 'cckd/r18w16_r10w6_digits.py'
KINDS = {
    'digits': DIGITS,
    'stored teacher': DIGITS,
    'ImageNet': 'cckd/r50_mbv2_in1k.py',
    're-ID': 'cckd/r50_mbv2_msmt17.py',
    'vision transformer': 'cckd/deit_b_r18_in1k.py',
}


@pytest.fixture
def deterministic(monkeypatch):
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    monkeypatch.setattr(torch.backends.cudnn, 'deterministic', True)
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope='session')
def digits_teacher(tmp_path_factory):
    """A checkpoint with random weights."""
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    teacher = MODELS.build(Config.fromfile(CONFIGS / DIGITS).model.teacher)
    teacher.init_weights()
    path = str(tmp_path_factory.mktemp('teacher') / 'teacher.pth')
    torch.save(dict(state_dict=teacher.state_dict()), path)
    return path


@pytest.fixture
def recipe(request, tmp_path, digits_teacher):
    """Return the config of a kind of recipe on toy data, for two epochs."""

    def build(kind, precision='float32'):
        cfg = Config.fromfile(CONFIGS / KINDS[kind])
        cfg.work_dir = str(tmp_path / 'run')
        cfg.experiment_name = str(tmp_path.name)
        cfg.randomness = dict(seed=0)
        cfg.train_cfg.update(max_epochs=2, val_interval=2)
        cfg.param_scheduler = []
        cfg.model.teacher_ckpt = None
        if KINDS[kind] == DIGITS:
            cfg.model.teacher_ckpt = digits_teacher
        elif kind == 're-ID':
            use_toy_data(cfg, request.getfixturevalue('toy_msmt17'))
            del cfg.val_dataloader.dataset.indices  # queries are at the end
            for network in (cfg.model.architecture, cfg.model.teacher):
                del network.backbone.init_cfg  # pretrained weights
        else:
            use_toy_data(cfg, request.getfixturevalue('toy_imagenet'))
        if kind == 'stored teacher':
            cfg.model.teacher_store = dict(
                path=str(tmp_path / 'store'), views=1)
        if precision != 'float32':
            cfg.optim_wrapper.update(
                type='AmpOptimWrapper',
                dtype=precision,
                loss_scale=dict(init_scale=64.))
        return cfg

    return build


def use_toy_data(cfg, root):
    """Use 64 images, and no processes to load them."""
    for part in ('train', 'val'):
        loader = cfg[f'{part}_dataloader']
        loader.update(
            batch_size=16, num_workers=0, persistent_workers=False)
        loader.dataset.data_root = root
        loader.dataset.indices = 64
