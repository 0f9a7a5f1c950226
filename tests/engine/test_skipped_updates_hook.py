"""Updates that are skipped in mixed precision, on a CPU with a scaler."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim.optimizer import amp_optimizer_wrapper

from mmcckd.engine import build_runner

RECIPE = (
    Path(__file__).parent.parent.parent / 'configs/baseline/r10w6_digits.py')


@pytest.fixture
def digits(tmp_path, monkeypatch):
    """One epoch of 5 iterations, with a scaler as on a GPU."""
    scaler = getattr(torch.amp, 'GradScaler', None)
    if scaler is None:
        pytest.skip('torch < 2.3 has no GradScaler for a CPU')
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available',
                        lambda: True)
    monkeypatch.setattr('mmcckd.compat.mmengine_amp.get_device',
                        lambda: 'cuda')
    monkeypatch.setattr(amp_optimizer_wrapper, 'GradScaler',
                        lambda **kwargs: scaler('cpu', **kwargs))
    cfg = Config.fromfile(RECIPE)
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path),
            experiment_name=tmp_path.name,
            val_cfg=None,
            val_dataloader=None,
            val_evaluator=None,
            train_cfg=dict(max_epochs=1),
            train_dataloader=dict(num_workers=0, persistent_workers=False),
            default_hooks=dict(
                averages=dict(type='EMAHook'),
                checkpoint=dict(interval=1)),
            optim_wrapper=dict(
                type='AmpOptimWrapper', clip_grad=dict(max_norm=5.))))
    return cfg


class Overflow:
    """Make the gradients of some iterations infinite."""

    def __init__(self, monkeypatch, iterations):
        self.calls = 0
        backward = amp_optimizer_wrapper.AmpOptimWrapper.backward

        def overflow(wrapper, loss, **kwargs):
            factor = float('inf') if self.calls in iterations else 1
            self.calls += 1
            backward(wrapper, loss * factor, **kwargs)

        monkeypatch.setattr(amp_optimizer_wrapper.AmpOptimWrapper, 'backward',
                            overflow)


def test_a_run_continues_after_an_overflow(digits, monkeypatch, tmp_path):
    overflow = Overflow(monkeypatch, {0, 2})
    runner = build_runner(digits)
    runner.train()
    assert overflow.calls == 5
    assert runner.optim_wrapper.loss_scaler.get_scale() == 2**14
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    for key in ('state_dict', 'ema_state_dict'):
        for name, weight in checkpoint[key].items():
            assert weight.isfinite().all(), name
    for state in checkpoint['optimizer']['state'].values():
        assert state['momentum_buffer'].isfinite().all()


def test_a_skipped_update_changes_no_weight(digits, monkeypatch):
    Overflow(monkeypatch, {0, 1, 2})
    runner = build_runner(digits)
    update = amp_optimizer_wrapper.AmpOptimWrapper.update_params
    changed = []

    def update_params(*args, **kwargs):
        before = [p.detach().clone() for p in runner.model.parameters()]
        update(*args, **kwargs)
        changed.append(not all(
            map(torch.equal, before, runner.model.parameters())))

    monkeypatch.setattr(amp_optimizer_wrapper.AmpOptimWrapper,
                        'update_params', update_params)
    runner.train()
    assert changed == [False, False, False, True, True]


@pytest.mark.parametrize('loss_scale', ['dynamic', 1e30])
def test_a_run_without_any_update_is_an_error(loss_scale, digits, monkeypatch):
    digits.optim_wrapper.loss_scale = loss_scale
    Overflow(monkeypatch, set(range(5)))
    with pytest.raises(RuntimeError, match='The last 5 updates of the weights '
                       'were skipped.*mixed precision'):
        build_runner(digits).train()


def test_many_in_succession_are_an_error(digits, monkeypatch):
    Overflow(monkeypatch, set(range(2, 100)))
    digits.train_cfg.max_epochs = 20
    runner = build_runner(digits)
    with pytest.raises(RuntimeError, match='The last 50 updates'):
        runner.train()
    assert runner.iter == 51


def test_accumulated_gradients(digits, monkeypatch):
    """An iteration without an update is not a skipped one."""
    digits.optim_wrapper.accumulative_counts = 5
    Overflow(monkeypatch, set())
    build_runner(digits).train()
    Overflow(monkeypatch, {3})  # of the 5 iterations of one update
    digits.experiment_name += '_overflow'
    with pytest.raises(RuntimeError, match='The last 1 updates'):
        build_runner(digits).train()
