"""See also tests/faults/test_sigterm.py."""
from types import SimpleNamespace
from unittest import mock

import pytest
from mmengine.runner import EpochBasedTrainLoop

from mmcckd.engine import ResumedValidationHook


def runner(epoch, iteration=None, val_begin=1, val_interval=2, **kwargs):
    """A run of 5 epochs of 4 batches that was resumed."""
    loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    loop.dataloader = range(4)
    loop.dynamic_milestones, loop.dynamic_intervals = [0], [val_interval]
    loop.val_begin = val_begin
    loop._max_epochs, loop._epoch = 5, epoch
    loop._iter = 4 * epoch if iteration is None else iteration
    return SimpleNamespace(
        **{
            **dict(_resume=True, train_loop=loop, val_loop=mock.Mock(),
                   model=mock.Mock(), epoch=loop._epoch, iter=loop._iter),
            **kwargs
        })


def validates(run, checkpoint=None):
    hook = ResumedValidationHook()
    hook.after_load_checkpoint(run, checkpoint or {})
    hook.before_train(run)
    return run.val_loop is not None and run.val_loop.run.called


@pytest.mark.parametrize('run, expected', [
    (runner(2), True),
    (runner(3), False),
    (runner(5), True),  # the last epoch
    (runner(2, val_begin=3), False),
    (runner(2, iteration=9), False),  # within an epoch
    (runner(0), False),
    (runner(2, _resume=False), False),  # load_from
    (runner(2, val_loop=None), False),
])
def test_what_the_training_loop_would_have_validated(run, expected):
    assert validates(run) == expected


def test_what_is_saved_in_a_validation_is_not_validated_again():
    run, hook = runner(2), ResumedValidationHook()
    checkpoint = dict(meta=dict(epoch=3, iter=9))  # as FlexibleRunner counts
    hook.before_val(run)
    hook.before_save_checkpoint(run, checkpoint)
    assert checkpoint['meta'] == dict(epoch=2, iter=8)
    assert not validates(run, checkpoint)
    hook.after_val(run)
    checkpoint = dict(meta=dict(epoch=3, iter=8))
    hook.before_save_checkpoint(run, checkpoint)
    assert checkpoint == dict(meta=dict(epoch=3, iter=8))
