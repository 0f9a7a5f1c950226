"""Let the workers of data loaders live until the training has been saved."""
import os
import signal
import threading

from torch.utils.data._utils import signal_handling


def keep_workers_on_sigterm() -> None:
    """Make workers ignore SIGTERM, unless their data loader sends it.

    A scheduler sends SIGTERM to all processes of a job. A worker of PyTorch's
    data loader then ends at once, and its training process raises an error
    before it can save. With this function, workers that are started in this
    process, and in those that are forked from it, end with their training
    process.

    Does nothing on systems where the sender of a signal is not known, such as
    macOS.
    """
    set_handlers = signal_handling._set_worker_signal_handlers
    if not hasattr(signal, 'sigwaitinfo') or hasattr(set_handlers,
                                                     '__wrapped__'):
        return

    def set_all_handlers() -> None:
        set_handlers()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(
            target=_end_with_parent, args=(os.getppid(), ),
            daemon=True).start()

    set_all_handlers.__wrapped__ = set_handlers
    signal_handling._set_worker_signal_handlers = set_all_handlers


def _end_with_parent(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
