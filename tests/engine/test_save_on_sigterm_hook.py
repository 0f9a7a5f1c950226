"""See also tests/faults/test_sigterm.py."""
import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop

from mmcckd.engine import SaveOnSigtermHook


class OtherLoop(EpochBasedTrainLoop):

    def run_epoch(self):
        pass


def runner(loop=EpochBasedTrainLoop, hooks=None):
    return SimpleNamespace(
        train_loop=loop.__new__(loop),
        hooks=[CheckpointHook()] if hooks is None else hooks)


def test_the_handler_is_that_of_the_training_only():
    before = signal.getsignal(signal.SIGTERM)
    hook = SaveOnSigtermHook()
    hook.before_train(runner())
    assert signal.getsignal(signal.SIGTERM) == hook._receive
    hook.after_train(runner())
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_process_that_is_forked_ends():
    hook = SaveOnSigtermHook()
    hook.before_train(runner())
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(theirs, b'x')
        time.sleep(60)
        os._exit(0)
    os.read(ours, 1)  # signals that come during the fork are dropped
    os.kill(child, signal.SIGTERM)
    assert os.waitpid(child, 0)[1] == signal.SIGTERM
    hook.after_train(runner())


@pytest.mark.parametrize('without', [
    dict(hooks=[]), dict(loop=OtherLoop)], ids=['checkpoints', 'plain loop'])
def test_without_what_it_takes_nothing_changes(without):
    before = signal.getsignal(signal.SIGTERM)
    SaveOnSigtermHook().before_train(runner(**without))
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_training_in_another_thread():
    hook = SaveOnSigtermHook()
    thread = threading.Thread(target=hook.before_train, args=(runner(), ))
    thread.start()
    thread.join()
    assert hook._request is None
