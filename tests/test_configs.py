"""Every config is loaded, built, and trained for two iterations."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmengine.runner import Runner, save_checkpoint
from mmrazor.registry import MODELS as RAZOR_MODELS

from mmcckd.superclasses import Superclasses, fingerprint_dataset

ROOT = Path(__file__).parent.parent
CONFIGS = sorted(
    path for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts)


def load(path, work_dir):
    cfg = Config.fromfile(path)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    cfg.log_level = 'WARNING'
    return cfg


def save_superclasses(dataset, path):
    dataset = DATASETS.build(dataset)
    labels = np.arange(len(dataset)) % 20
    Superclasses(labels, np.zeros((20, 2)),
                 dict(dataset=fingerprint_dataset(dataset))).save(path)


def test_there_are_configs_with_names_of_their_own():
    names = [path.name for path in CONFIGS]
    assert len(names) >= 4
    assert len(set(names)) == len(names)  # MIM looks them up by name


@pytest.mark.parametrize(
    'path', CONFIGS, ids=lambda path: str(path.relative_to(ROOT / 'configs')))
def test_trains_two_iterations(path, tmp_path):
    cfg = load(path, tmp_path)
    distils = 'distiller' in cfg.model
    if distils:
        teacher = RAZOR_MODELS.build(cfg.model.teacher)
        cfg.model.teacher_ckpt = str(tmp_path / 'teacher.pth')
        save_checkpoint(
            dict(state_dict=teacher.state_dict()), cfg.model.teacher_ckpt)
    if cfg.train_dataloader.get('batch_sampler', {}).get(
            'type') == 'SURSampler':
        made = str(tmp_path / 'superclasses.npz')
        save_superclasses(cfg.train_dataloader.dataset, made)
        cfg.train_dataloader.batch_sampler.superclasses = made
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    before = [p.clone() for p in runner.model.parameters()]
    runner.train()
    assert runner.iter == 2

    moved = [not torch.equal(a, b)
             for a, b in zip(before, runner.model.parameters())]
    assert all(moved)
    scalars = runner.message_hub.log_scalars
    losses = {
        name[6:]: scalars[name].current()
        for name in scalars if 'loss' in name
    }
    expected = {'loss'}
    if distils:
        expected |= {'student.loss', 'distill.loss_kd'}
        if path.parent.name == 'cckd':
            expected.add('distill.loss_cc')
        parts = sum(v for name, v in losses.items() if name != 'loss')
        assert losses['loss'] == pytest.approx(parts, rel=1e-5)
    assert set(losses) == expected
    assert all(value > 0 for value in losses.values())


def test_the_top_of_a_recipe_is_what_is_built():
    """α, β, τ, γ, P and k arrive where they belong."""
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    distiller = cfg.model.distiller
    assert cfg.model.student_loss_weight == cfg.alpha
    assert distiller.distill_losses.loss_kd == dict(
        type='KLDivergence', tau=cfg.tau, loss_weight=1 - cfg.alpha)
    assert distiller.distill_losses.loss_cc == dict(
        type='CorrelationCongruenceLoss', loss_weight=cfg.beta)
    projection, kernel_s = distiller.connectors.kernel_s
    assert projection.type == 'TorchNNConnector'
    for kernel in (kernel_s, distiller.connectors.kernel_t):
        assert kernel == dict(
            type='GaussianRBFKernelConnector',
            gamma=cfg.gamma,
            order=cfg.order)
    assert cfg.train_dataloader.batch_sampler == dict(
        type='CURSampler', samples_per_class=cfg.k)


def test_baseline_and_cckd_differ_in_cc_and_sampler_alone():
    kd = Config.fromfile(ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py')
    cckd = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    del cckd.train_dataloader['batch_sampler']
    for name in ('student_recorders', 'teacher_recorders'):
        del cckd.model.distiller[name]['feature']
    del cckd.model.distiller['connectors']
    for name in ('distill_losses', 'loss_forward_mappings'):
        del cckd.model.distiller[name]['loss_cc']
    for name in ('model', 'train_dataloader', 'val_dataloader',
                 'test_dataloader', 'train_cfg', 'optim_wrapper',
                 'param_scheduler'):
        assert kd[name] == cckd[name], name


def test_sur_variants_differ_in_the_sampler_alone():
    for path in CONFIGS:
        if path.stem.endswith('_sur'):
            sur = Config.fromfile(path)
            cur = Config.fromfile(path.with_name(f'{path.stem[:-4]}.py'))
            sampler = sur.train_dataloader.pop('batch_sampler')
            k = cur.train_dataloader.pop('batch_sampler').samples_per_class
            assert sampler.samples_per_superclass == k
            # Beside the teacher, where clustering its config puts it.
            assert Path(sampler.superclasses) == Path(
                sur.model.teacher_ckpt).with_name('superclasses.npz')
            assert sur.to_dict() == cur.to_dict()


def test_a_recipe_finds_its_teacher_where_training_leaves_it():
    for path in CONFIGS:
        cfg = Config.fromfile(path)
        if 'distiller' in cfg.model:
            _, name, file = cfg.model.teacher_ckpt.split('/')
            teacher = Config.fromfile(ROOT / f'configs/baseline/{name}.py')
            assert file == f'epoch_{teacher.train_cfg.max_epochs}.pth'
