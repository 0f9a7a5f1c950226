import copy
import json
import math
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from mmengine.runner import Runner
from mmrazor.registry import MODELS
from processes import run_ranks
from torch import nn

from mmcckd.engine import GradientRatioHook, build_runner
from mmcckd.engine.hooks import gradient_ratios

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'


@MODELS.register_module()
class NoisyConnector(nn.Module):
    """A projection with a running mean and random numbers."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm1d(width), nn.Dropout(0.5))

    def forward(self, feature):
        return self.layers(feature)


@OPTIM_WRAPPERS.register_module()
class ScaledOptimWrapper(OptimWrapper):
    """As AmpOptimWrapper, which needs a GPU."""
    loss_scaler = SimpleNamespace(get_scale=lambda: 1024.)

    @contextmanager
    def optim_context(self, model):
        with torch.autocast('cpu', torch.bfloat16):
            yield

    def backward(self, loss, **kwargs):
        super().backward(1024. * loss, **kwargs)

    def step(self, **kwargs):
        for group in self.param_groups:
            for parameter in group['params']:
                parameter.grad /= 1024.
        super().step(**kwargs)


class Reference(Hook):
    """Measure the gradients in separate passes, as gradients of two losses."""

    def before_train(self, runner):
        self.ratios = []

    def before_train_iter(self, runner, batch_idx, data_batch):
        model, features = runner.model, []
        handle = model.student.neck.register_forward_hook(
            lambda module, args, output: features.extend(output))
        losses = model(
            **model.data_preprocessor(copy.deepcopy(data_batch), True),
            mode='loss')
        handle.remove()
        cc = losses['distill.loss_cc']
        others = sum(value for name, value in losses.items()
                     if 'loss' in name and name != 'distill.loss_cc')
        gradients = [
            torch.autograd.grad(loss, features[0], retain_graph=True)[0]
            for loss in (cc, others)
        ]
        self.ratios.append(float(gradients[0].norm() / gradients[1].norm()))


def recipe(work_dir, **options):
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({
        'work_dir': str(work_dir),
        'experiment_name': str(work_dir),
        'log_level': 'WARNING',
        'randomness': dict(seed=0),
        'model.teacher_ckpt': None,
        'train_cfg': dict(max_epochs=1, val_interval=100),
        'default_hooks.logger.interval': 1,
        **options
    })
    return cfg


def train(cfg, *hooks):
    runner = build_runner(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


def ratios_of(runner, name='loss_cc'):
    return [ratio for _, ratio in gradient_ratios(runner)[name]]


def test_the_ratio_is_that_of_separate_backward_passes(tmp_path):
    reference = Reference()
    runner = train(
        recipe(tmp_path), reference, GradientRatioHook(interval=1))
    assert ratios_of(runner) == pytest.approx(reference.ratios, rel=1e-4)
    logged = [
        json.loads(line) for file in tmp_path.rglob('scalars.json')
        for line in file.read_text().splitlines()
    ]
    assert logged[0]['gradient_ratio/loss_cc'] == pytest.approx(
        reference.ratios[0], rel=1e-4)


def weights(runner):
    return runner.model.state_dict()


@pytest.mark.parametrize('noisy', [False, True])
def test_training_is_not_changed(tmp_path, noisy):
    runs = []
    for name, hooks in (('without', []), ('with', [
            dict(type='GradientRatioHook', interval=1),
            dict(type='CorrelationVisualizationHook', interval=2)])):
        cfg = recipe(tmp_path / name, custom_hooks=hooks)
        cfg.optim_wrapper.accumulative_counts = 2
        if noisy:
            cfg.model.distiller.connectors.kernel_s.insert(
                0, dict(type='NoisyConnector', width=12))
        else:  # the kernel uses the feature itself, several times
            del cfg.model.distiller.connectors.kernel_s[0]
        runs.append(train(cfg))
    before, after = map(weights, runs)
    assert before.keys() == after.keys()
    for name in before:
        assert torch.equal(before[name], after[name]), name
    assert len(ratios_of(runs[1])) > 3


def test_the_factors_of_the_objective_cancel(tmp_path):
    """The first iterations have the same weights."""
    plain = train(recipe(tmp_path / 'a'), GradientRatioHook(interval=1))
    cfg = recipe(tmp_path / 'b')
    cfg.optim_wrapper.accumulative_counts = 4
    accumulating = train(cfg, GradientRatioHook(interval=1))
    assert ratios_of(plain)[0] == pytest.approx(
        ratios_of(accumulating)[0], rel=1e-4)


def test_a_loss_scale_and_half_precision(tmp_path):
    plain = train(recipe(tmp_path / 'a'), GradientRatioHook(interval=1))
    cfg = recipe(tmp_path / 'b')
    cfg.optim_wrapper.type = 'ScaledOptimWrapper'
    half = train(cfg, GradientRatioHook(interval=1))
    assert ratios_of(plain)[0] == pytest.approx(ratios_of(half)[0], rel=0.1)


def test_the_ratio_is_proportional_to_beta(tmp_path):
    ratios = {}
    for beta in (0., 1., 10.):
        cfg = recipe(tmp_path / str(beta))
        cfg.model.distiller.distill_losses.loss_cc.loss_weight = beta
        runner = train(cfg, GradientRatioHook(interval=1))
        ratios[beta] = ratios_of(runner)[0]
    assert ratios[0.] == 0
    assert ratios[10.] == pytest.approx(10 * ratios[1.], rel=1e-4)


def test_several_losses_of_one_feature(tmp_path):
    """Each is among the other terms of the other one."""
    cfg = recipe(tmp_path / 'two')
    distiller = cfg.model.distiller
    distiller.distill_losses.loss_more = dict(
        type='CorrelationCongruenceLoss', loss_weight=1e-3)
    distiller.loss_forward_mappings.loss_more = (
        distiller.loss_forward_mappings.loss_cc)
    two = train(cfg, GradientRatioHook(interval=1))
    one = train(recipe(tmp_path / 'one'), GradientRatioHook(interval=1))
    r = ratios_of(one)[0]
    assert ratios_of(two)[0] == pytest.approx(r, rel=1e-3)
    # 100 : 1e-3, and less than r : 1e5 because of the other one
    assert 0 < ratios_of(two, 'loss_more')[0] < 1e-5 * r


def test_interval_and_resuming(tmp_path):
    options = {
        'custom_hooks': [dict(type='GradientRatioHook', interval=3)],
        'train_cfg.max_epochs': 2
    }
    straight = train(recipe(tmp_path / 'a', **options))
    batches = len(straight.train_dataloader)
    expected = list(range(3, 2 * batches + 1, 3))
    assert [i for i, _ in gradient_ratios(straight)['loss_cc']] == expected

    options['train_cfg.max_epochs'] = 1
    train(recipe(tmp_path / 'b', **options))
    options['train_cfg.max_epochs'] = 2
    resumed = train(
        recipe(
            tmp_path / 'b',
            **options,
            experiment_name='resumed',
            resume=True,
            load_from=str(tmp_path / 'b/epoch_1.pth')))
    assert [i for i, _ in gradient_ratios(resumed)['loss_cc']] == expected


def test_without_other_terms(tmp_path):
    cfg = recipe(tmp_path)
    cfg.model.student_loss_weight = 0.
    cfg.model.distiller.distill_losses.loss_kd.loss_weight = 0.
    runner = train(cfg, GradientRatioHook(interval=1))
    assert set(ratios_of(runner)) == {math.inf}


def test_wrong_arguments():
    with pytest.raises(TypeError, match="interval must be an int.*'1'"):
        GradientRatioHook(interval='1')
    with pytest.raises(TypeError, match='interval must be an int.*True'):
        GradientRatioHook(interval=True)
    with pytest.raises(ValueError, match='at least 1, but is 0; remove'):
        GradientRatioHook(interval=0)


def test_a_recipe_without_cc(tmp_path):
    cfg = Config.fromfile(
        ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py')
    cfg.merge_from_dict({
        'work_dir': str(tmp_path),
        'experiment_name': str(tmp_path),
        'log_level': 'WARNING',
        'model.teacher_ckpt': None,
        'custom_hooks': [dict(type='GradientRatioHook')]
    })
    with pytest.raises(
            ValueError, match='GradientRatioHook needs a Correlation.*mix-cc'):
        Runner.from_cfg(cfg).train()


RANKS = '''
import json
import sys
import mmcckd
from mmcckd.engine import build_runner, init_distributed
from mmcckd.engine.hooks import gradient_ratios
from mmengine.config import Config

cfg = Config.fromfile(sys.argv[1])
kernel = dict(type='GaussianRBFKernelConnector', gather=True)
cfg.model.distiller.connectors.kernel_s[1] = kernel
cfg.model.distiller.connectors.kernel_t = kernel
cfg.model.teacher_ckpt = None
cfg.merge_from_dict(dict(
    work_dir=sys.argv[2], launcher='pytorch', log_level='WARNING',
    randomness=dict(seed=0),
    train_cfg=dict(max_epochs=1, val_interval=100),
    train_dataloader=dict(batch_size=20, batch_sampler=dict(
        samples_per_class=2)),
    custom_hooks=[dict(type='GradientRatioHook', interval=3)]))
init_distributed('pytorch', cfg)
for strategy in ('DDP', 'FSDP'):
    cfg.experiment_name = strategy
    if strategy == 'FSDP':
        cfg.runner_type = 'FlexibleRunner'
        cfg.strategy = dict(type='FSDPStrategy')
    runner = build_runner(cfg)
    runner.train()
    print(json.dumps(gradient_ratios(runner)['loss_cc']))
'''


@pytest.mark.skipif(
    torch.__version__ < (2, 2), reason='torch 2.1 has FSDP on a GPU only')
def test_ranks_measure_the_global_batch(tmp_path):
    ranks = run_ranks(RANKS, 2, CONFIG, tmp_path)
    for rank in ranks:
        assert rank.returncode == 0, rank.stderr
    (ddp, fsdp), second = ([
        json.loads(line) for line in rank.stdout.splitlines()
        if line.startswith('[[')
    ] for rank in ranks)
    assert [ddp, fsdp] == second
    assert ddp and [i for i, _ in ddp] == [i for i, _ in fsdp]
    assert ddp[0][1] == pytest.approx(fsdp[0][1], rel=1e-3)
