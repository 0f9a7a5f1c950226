"""End the ranks of a launcher that was killed."""
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of Linux: the signal when the parent ends


def end_with_launcher() -> None:
    """Send SIGTERM to this process if torchrun is killed.

    The ranks would continue otherwise, and write to the same folder as a
    training that is then started again. torchrun itself ends its ranks if it
    receives SIGTERM or SIGINT, but cannot do so after SIGKILL. Nothing is done
    for ranks that torchrun has not started, and if this is not Linux.
    """
    if sys.platform == 'linux' and 'TORCHELASTIC_RUN_ID' in os.environ:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
