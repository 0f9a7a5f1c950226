"""Jobs for the tests of processes, in a module that they can import."""
import os
import signal
import time


def work(what, seconds=0.0):
    """Called in a process of its own."""
    print(f'I was told to {what}')
    time.sleep(seconds)
    if what == 'raise':
        raise RuntimeError('as told')
    if what == 'crash':
        os.kill(os.getpid(), signal.SIGKILL)
    return what, os.getpid()


def environment():
    return dict(os.environ)
