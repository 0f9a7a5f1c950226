"""Resume a run without running a config that is in its checkpoint.

MMEngine compares the number of GPUs with that of ``meta['config']``, which
MMCV 1 wrote into checkpoints. It evaluates this text as Python code. MMEngine
itself writes ``meta['cfg']``, which is not evaluated.

Can be deleted when MMEngine does not evaluate the text.
"""
import functools
from unittest import mock

from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner


def resume_without_running_configs() -> None:
    """Leave out the comparison of the numbers of GPUs in ``resume``."""
    for runner in (Runner, FlexibleRunner):
        if not hasattr(runner.resume, '__wrapped__'):
            runner.resume = _without_fromstring(runner.resume)


def _without_fromstring(resume):

    @functools.wraps(resume)
    def resume_safely(*args, **kwargs) -> None:
        with mock.patch.object(Config, 'fromstring', staticmethod(_no_config)):
            return resume(*args, **kwargs)

    return resume_safely


def _no_config(*_, **__) -> Config:
    return Config()
