import os
from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

import mmcckd  # noqa: F401


class Runner:
    """Saves empty checkpoints, and records what there was beside them."""

    def __init__(self, work_dir):
        self.work_dir = str(work_dir)
        self.message_hub = MessageHub(os.path.basename(self.work_dir))
        self.logger = SimpleNamespace(info=lambda text: None)
        self.epoch = self.iter = 0
        self.beside = []
        self.is_full = False

    def save_checkpoint(self, out_dir, filename, *args, **kwargs):
        self.beside.append(sorted(
            name for name in os.listdir(out_dir) if name.endswith('.pth')))
        if self.is_full:
            raise OSError('no space')
        with open(os.path.join(out_dir, filename), 'w'):
            pass


def epoch(runner, hook, accuracy=None):
    hook.after_train_epoch(runner)
    runner.epoch += 1
    if accuracy is not None:
        hook.after_val_epoch(runner, dict(accuracy=accuracy))


def checkpoints(runner):
    return sorted(name for name in os.listdir(runner.work_dir)
                  if name.endswith('.pth'))


@pytest.fixture
def runner(tmp_path):
    return Runner(tmp_path)


def test_the_last_checkpoint_is_removed_after_the_next(runner):
    hook = CheckpointHook(interval=1, max_keep_ckpts=1, save_last=False)
    hook.before_train(runner)
    for _ in range(3):
        epoch(runner, hook)
    assert checkpoints(runner) == ['epoch_3.pth']
    assert runner.beside == [[], ['epoch_1.pth'], ['epoch_2.pth']]


def test_the_best_checkpoint_too(runner):
    hook = CheckpointHook(interval=1, save_best='accuracy', save_last=False,
                          rule='greater')
    hook.before_train(runner)
    for accuracy in 1., 2., 0.:
        epoch(runner, hook, accuracy)
    assert checkpoints(runner) == [
        'best_accuracy_epoch_2.pth', 'epoch_1.pth', 'epoch_2.pth',
        'epoch_3.pth'
    ]
    best = [[name for name in names if name.startswith('best')]
            for names in runner.beside]
    # Epoch 1 is saved, the best, and epoch 1 again; epoch 2 as well.
    one, two = 'best_accuracy_epoch_1.pth', 'best_accuracy_epoch_2.pth'
    assert best == [[], [], [one], [one], [one], [one, two], [two]]


def test_nothing_is_removed_if_a_save_fails(runner):
    hook = CheckpointHook(interval=1, max_keep_ckpts=1, save_last=False)
    hook.before_train(runner)
    epoch(runner, hook)
    runner.is_full = True
    with pytest.raises(OSError, match='no space'):
        epoch(runner, hook)
    assert checkpoints(runner) == ['epoch_1.pth']
    with open(os.path.join(runner.work_dir, 'last_checkpoint')) as file:
        assert file.read().endswith('epoch_1.pth')


def test_what_is_saved_again_stays(runner):
    """By a run that was resumed from an older checkpoint."""
    hook = CheckpointHook(interval=1, save_best='accuracy', save_last=False,
                          rule='greater')
    hook.before_train(runner)
    epoch(runner, hook, 1.)
    hook.after_val_epoch(runner, dict(accuracy=2.))
    assert checkpoints(runner) == ['best_accuracy_epoch_1.pth', 'epoch_1.pth']


def test_leftover_parts_are_removed(runner, tmp_path):
    for name in '.epoch_7.partial.pth', '.last_checkpoint.partial':
        (tmp_path / name).touch()
    CheckpointHook(interval=1).before_train(runner)
    assert os.listdir(tmp_path) == []
