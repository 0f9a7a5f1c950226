"""A diverged training is an error, and its weights are not saved."""
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from mmcckd.engine import FiniteWeightsHook, build_runner
from tests.processes import run_ranks

ROOT = Path(__file__).parent.parent.parent
TEACHER = ROOT / 'configs/baseline/r18w16_digits.py'
KD = ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py'


@pytest.fixture
def digits(tmp_path):
    cfg = Config.fromfile(TEACHER)
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.train_cfg = dict(by_epoch=True, max_epochs=3, val_interval=1)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    return cfg


@pytest.mark.parametrize('recipe', [TEACHER, KD])
def test_tools_train(recipe, tmp_path):
    """The losses are those of MMPretrain and MMRazor."""
    options = ['optim_wrapper.optimizer.lr=1e9', 'train_cfg.max_epochs=2']
    if recipe == KD:
        options.append('model.teacher_ckpt=None')
    run = subprocess.run([
        sys.executable, 'tools/train.py', recipe, '--work-dir', tmp_path,
        '--cfg-options', *options
    ], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert 'contains NaN or Inf after iteration' in run.stderr
    assert 'Lower the learning rate' in run.stderr
    assert not list(tmp_path.glob('*.pth'))


def spoil(runner, iteration):
    """Make a weight NaN after an iteration."""
    step = runner.optim_wrapper.update_params

    def update_params(*args, **kwargs):
        step(*args, **kwargs)
        if runner.iter == iteration:
            next(runner.model.parameters()).data[0] = float('nan')

    runner.optim_wrapper.update_params = update_params


def test_the_last_good_checkpoint_is_kept(digits, tmp_path):
    runner = build_runner(digits)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    spoil(runner, iteration=6)  # of the second epoch, which has 5
    with pytest.raises(ValueError, match='backbone.conv1.weight contains NaN'):
        runner.train()
    assert [p.name for p in tmp_path.glob('*.pth')] == ['epoch_1.pth']
    assert Path((tmp_path / 'last_checkpoint').read_text()).name == (
        'epoch_1.pth')


def test_a_loop_that_counts_iterations(digits, tmp_path):
    """The first save after the divergence is refused."""
    digits.train_cfg = dict(by_epoch=False, max_iters=8, val_interval=100)
    digits.default_hooks.checkpoint.update(by_epoch=False, interval=3)
    runner = build_runner(digits)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    spoil(runner, 4)
    with pytest.raises(ValueError, match='after iteration 6: the training'):
        runner.train()
    assert [p.name for p in tmp_path.glob('*.pth')] == ['iter_3.pth']


def test_running_statistics(digits):
    """They can overflow although no weight does."""
    runner = build_runner(digits)
    runner.model.backbone.bn1.running_var[0] = float('inf')
    with pytest.raises(ValueError,
                       match='backbone.bn1.running_var contains NaN or Inf'):
        runner.train()


def test_tools_test(digits, tmp_path):
    """Weights of NaN would have the accuracy of a class."""
    runner = Runner.from_cfg(digits)
    next(runner.model.parameters()).data[0] = float('nan')
    torch.save(dict(state_dict=runner.model.state_dict()),
               tmp_path / 'nan.pth')
    run = subprocess.run([
        sys.executable, 'tools/test.py', TEACHER, tmp_path / 'nan.pth',
        '--work-dir', tmp_path
    ], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert 'backbone.conv1.weight contains NaN or Inf' in run.stderr


def test_what_is_not_checked():
    """Frozen masks of -inf, and parameters that have no values yet."""
    model = nn.Module()
    model.mask = nn.Parameter(torch.full((2, 2), -torch.inf), False)
    model.register_buffer('attn_mask', torch.full((2, 2), -torch.inf))
    model.lazy = nn.LazyLinear(3)
    FiniteWeightsHook().before_train(SimpleNamespace(model=model, iter=0))
    model.weight = nn.Parameter(torch.full((2, ), torch.inf))
    with pytest.raises(ValueError, match='weight contains NaN or Inf before'):
        FiniteWeightsHook().before_train(SimpleNamespace(model=model, iter=0))


RANK = '''
import torch
from torch import nn, distributed as dist
from types import SimpleNamespace
from mmcckd.engine import FiniteWeightsHook
dist.init_process_group('gloo')
model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
hook = FiniteWeightsHook()
runner = SimpleNamespace(model=model, iter=7)
hook.after_train_epoch(runner)
if dist.get_rank() == 1:
    model[1].running_mean[0] = float('nan')
try:
    hook.after_train_epoch(runner)
except ValueError as error:
    print(error)
'''


def test_all_ranks_end():
    """Running statistics are those of a rank."""
    first, second = run_ranks(RANK, 2)
    assert 'A weight of another rank contains NaN or Inf' in first.stdout
    assert '1.running_mean contains NaN or Inf after iter' in second.stdout
