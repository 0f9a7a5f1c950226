"""Errors of a rank whose communication with the other ranks has failed."""
import logging
import os
import sys
from types import TracebackType
from typing import Optional, Type


def is_lost_rank(error: Optional[BaseException]) -> bool:
    """Return whether an error, or a cause of it, is one of communication.

    This is so if another rank has ended or does not respond.
    """
    from torch import distributed

    # The common base class exists since torch 2.2.
    errors = getattr(distributed, 'DistError', distributed.DistBackendError)
    while error is not None:
        # Gloo raises a RuntimeError with the path of its source file.
        if isinstance(error, errors) or (isinstance(error, RuntimeError)
                                         and 'gloo' in str(error).lower()):
            return True
        error = error.__cause__ or error.__context__
    return False


def explain_lost_rank(error: BaseException) -> str:
    """Return what to do after an error of communication; '' for others."""
    if not is_lost_rank(error):
        return ''
    return (
        f'Rank {os.environ.get("RANK", "?")} ends after an error in the '
        'communication with the other ranks. Usually, another rank has ended, '
        'or its machine or the network does not respond: see the output of '
        'the other ranks for the first error. A rank without an error was '
        'killed, for example because the memory was full. To continue from '
        'the last checkpoint, start all ranks again, with --resume in a '
        'training. If all ranks are running, but one needs longer than the '
        'others wait for it, increase env_cfg.dist_cfg.timeout (in seconds).')


def explain_lost_ranks() -> None:
    """Log an explanation if the process ends by an error of communication.

    The messages of gloo, NCCL and the store name addresses and operations, as
    in "Connection closed by peer". The explanation follows the traceback, and
    is also in the log file of rank 0.
    """
    previous = sys.excepthook

    def hook(kind: Type[BaseException], error: BaseException,
             trace: Optional[TracebackType]) -> None:
        from mmengine.logging import print_log

        previous(kind, error, trace)
        explanation = explain_lost_rank(error)
        if explanation:
            print_log(explanation, logger='current', level=logging.ERROR)

    sys.excepthook = hook
