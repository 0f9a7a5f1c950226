import os
import signal
import sys
import time

import pytest

from mmcckd.engine.lost_launcher import end_with_launcher

pytestmark = pytest.mark.skipif(
    sys.platform != 'linux', reason='prctl is a call of Linux')


def fork(function):
    pid = os.fork()
    if pid == 0:
        try:
            function()
        finally:
            os._exit(0)
    return pid


@pytest.mark.parametrize('by_torchrun', [True, False])
def test_a_rank_of_a_killed_launcher(by_torchrun, monkeypatch):
    if by_torchrun:
        monkeypatch.setenv('TORCHELASTIC_RUN_ID', 'none')
    received, write = os.pipe()

    def rank():
        signal.signal(signal.SIGTERM, lambda *_: os.write(write, b'SIGTERM'))
        end_with_launcher()
        os.write(write, b'ready ')
        time.sleep(2)  # until SIGTERM
        os.write(write, b' end')

    def launcher():
        fork(rank)
        time.sleep(60)

    pid = fork(launcher)
    os.close(write)
    assert os.read(received, 6) == b'ready '
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(received, 'rb') as file:
        assert file.read() == (b'SIGTERM end' if by_torchrun else b' end')
