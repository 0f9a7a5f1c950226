import signal
import subprocess

import pytest
from torch.utils.data import DataLoader

from mmcckd.engine.worker_signals import keep_workers_on_sigterm

pytestmark = pytest.mark.skipif(
    not hasattr(signal, 'sigwaitinfo'), reason='the sender is not known')


def test_workers_end_with_their_own_process_only():
    keep_workers_on_sigterm()
    keep_workers_on_sigterm()
    batches = iter(DataLoader(range(8), batch_size=1, num_workers=2))
    assert next(batches) == 0
    for worker in batches._workers:
        subprocess.run(['kill', '-TERM', str(worker.pid)], check=True)
    assert [int(batch) for batch in batches] == list(range(1, 8))


def test_a_worker_that_hangs_is_terminated():
    keep_workers_on_sigterm()
    batches = iter(DataLoader(Hanging(), batch_size=1, num_workers=1))
    worker, = batches._workers
    worker.join(0.5)
    worker.terminate()  # as the data loader does after 5 seconds
    worker.join(5)
    assert worker.exitcode is not None


class Hanging:

    def __len__(self):
        return 1

    def __getitem__(self, index):
        signal.sigwait({signal.SIGUSR1})
