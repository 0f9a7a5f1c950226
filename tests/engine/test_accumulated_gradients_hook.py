import inspect
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch.utils._pytree import tree_flatten

from tests.checkpoints import read
from tests.processes import run_ranks

RECIPE = (
    Path(__file__).parent.parent.parent /
    'configs/cckd/r18w16_r10w6_digits.py')


def train(work_dir, recipe=RECIPE, resume=None, counts=4, **options):
    """Three epochs of 5 iterations, with an update every 4."""
    cfg = Config.fromfile(recipe)
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            experiment_name=f'{work_dir.parent.name}_{work_dir.name}',
            val_cfg=None,
            val_dataloader=None,
            val_evaluator=None,
            train_cfg=dict(max_epochs=3),
            optim_wrapper=dict(
                accumulative_counts=counts, clip_grad=dict(max_norm=5.)),
            model=dict(teacher_ckpt=None)))
    cfg.merge_from_dict(options)
    if resume is not None:
        cfg.resume, cfg.load_from = True, str(resume)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return (Path(runner.log_dir) / f'{runner.timestamp}.log').read_text()


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('undisturbed') / 'run'
    train(work_dir)
    return work_dir


def assert_same(found, expected):
    """The weights and the optimizer, to the last bit."""
    found, expected = map(read, (found, expected))
    for key in ('state_dict', 'optimizer'):
        pairs = zip(
            tree_flatten(found[key])[0],
            tree_flatten(expected[key])[0],
            strict=True)
        for one, other in pairs:
            same = torch.equal(one, other) if isinstance(
                one, torch.Tensor) else one == other
            assert same


@pytest.mark.parametrize('epoch', [1, 2])
def test_a_resumed_run_ends_with_the_same_weights(epoch, undisturbed,
                                                  tmp_path):
    log = train(tmp_path / 'run', resume=undisturbed / f'epoch_{epoch}.pth')
    assert_same(tmp_path / 'run/epoch_3.pth', undisturbed / 'epoch_3.pth')
    assert 'Its gradients are restored; the warning about' in log


@pytest.mark.skipif(
    not hasattr(torch.amp, 'GradScaler'),
    reason='torch < 2.3 scales gradients on CUDA only')
def test_mixed_precision_too(tmp_path, monkeypatch):
    """The gradients are scaled, as those that follow; on a CPU, for which
    MMEngine's wrapper is not made."""
    amp = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
    monkeypatch.setattr(f'{amp}.is_cuda_available', lambda: True)
    monkeypatch.setattr(f'{amp}.GradScaler',
                        lambda: torch.amp.GradScaler('cpu'))
    options = {
        'optim_wrapper.type': 'AmpOptimWrapper',
        'train_cfg.max_epochs': 2
    }
    train(tmp_path / 'one', **options)
    checkpoint = read(tmp_path / 'one/epoch_1.pth')
    assert checkpoint['optimizer']['loss_scaler']['scale'] > 1
    train(tmp_path / 'two', resume=tmp_path / 'one/epoch_1.pth', **options)
    assert_same(tmp_path / 'two/epoch_2.pth', tmp_path / 'one/epoch_2.pth')


def test_without_them_it_would_not(undisturbed, tmp_path):
    checkpoint = read(undisturbed / 'epoch_1.pth')
    del checkpoint['accumulated_gradients']
    torch.save(checkpoint, tmp_path / 'without.pth')
    train(tmp_path / 'run', resume=tmp_path / 'without.pth')
    with pytest.raises(AssertionError):
        assert_same(tmp_path / 'run/epoch_3.pth', undisturbed / 'epoch_3.pth')


def test_nothing_is_saved_where_no_gradient_waits(undisturbed, tmp_path):
    # The last epoch ends with an update, so does each without accumulation,
    # and a checkpoint without its optimizer cannot be resumed anyway.
    train(tmp_path / 'one', counts=1)
    train(
        tmp_path / 'two',
        **{'default_hooks.checkpoint.save_optimizer': False})
    saved = [
        'accumulated_gradients' in read(path) for path in (
            undisturbed / 'epoch_1.pth', undisturbed / 'epoch_2.pth',
            undisturbed / 'epoch_3.pth', tmp_path / 'one/epoch_1.pth',
            tmp_path / 'two/epoch_1.pth')
    ]
    assert saved == [True, True, False, False, False]


def test_what_does_not_fit_is_left_out_with_a_warning(undisturbed, tmp_path):
    log = train(
        tmp_path / 'run', resume=undisturbed / 'epoch_1.pth', counts=3)
    assert ('(accumulative_counts, ranks) = (4, 1), but this run has (3, 1). '
            'The accumulated gradients are not restored') in log


TRAIN_ON_RANKS = f'''
import sys
from pathlib import Path
from mmengine.config import Config
from mmengine.dist import barrier
from mmengine.runner import Runner
from mmcckd.engine import init_distributed

{inspect.getsource(train).replace("=RECIPE", "=sys.argv[1]")}

cfg = Config()
init_distributed('pytorch', cfg)
out = Path(sys.argv[2])
options = dict(
    cfg.to_dict(),
    launcher='pytorch',
    train_dataloader=dict(batch_size=20),
    train_cfg=dict(max_epochs=2),
    custom_hooks=[dict(type='CheckpointHook', by_epoch=False, interval=3)])
print(train(out / 'undisturbed', **options))
barrier()
train(out / 'resumed', resume=out / 'undisturbed/epoch_1.pth', **options)
'''


def test_each_rank_gets_its_own_gradients_back(tmp_path):
    results = run_ranks(TRAIN_ON_RANKS, 2, RECIPE, tmp_path)
    for result in results:
        assert result.returncode == 0, result.stderr
    checkpoint = read(tmp_path / 'undisturbed/epoch_1.pth')
    one, other = (
        gradients['architecture.backbone.conv1.weight']
        for gradients in checkpoint['accumulated_gradients']['of_ranks'])
    assert not torch.equal(one, other)
    assert_same(tmp_path / 'resumed/epoch_2.pth',
                tmp_path / 'undisturbed/epoch_2.pth')
    # Within an epoch the other ranks give none, and the log says so.
    assert 'accumulated_gradients' not in read(
        tmp_path / 'undisturbed/iter_3.pth')
    assert 'not contain the gradients of the 2 ranks' in results[0].stdout
