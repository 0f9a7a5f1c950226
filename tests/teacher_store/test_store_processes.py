"""Several processes that fill one store, some of which are killed."""
import contextlib
import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest

from mmcckd.teacher_store import RecordLayout, StoreSettings, TeacherStore

VIEWS, SAMPLES, WIDTH = 3, 400, 4000
KILLS, PROCESSES = 20, 3
SOURCES = ['a', 'b']
ROWS = np.repeat(np.arange(VIEWS), SAMPLES), np.tile(
    np.arange(SAMPLES), VIEWS)


def expected(views, samples, source):
    """What a teacher gives, (n, WIDTH): each row another pattern."""
    seeds = (views * SAMPLES + samples + (source == 'b') * 7919)[:, None]
    return ((seeds * 31 + np.arange(WIDTH)) % 2039).astype(np.float32)


def open_store(path):
    store = TeacherStore(StoreSettings(str(path), VIEWS), SAMPLES, {})
    store.add({source: RecordLayout(0, [(WIDTH, )]) for source in SOURCES})
    return store


def fill(path, seed, limit):
    """Store rows in random batches, and check each batch.

    Only rows below ``limit`` are stored; it ends when these are all rows.
    """
    store = open_store(path)
    rng = np.random.default_rng(seed)
    while True:
        missing = np.flatnonzero(store.missing(*ROWS, SOURCES))
        missing = missing[missing < limit.value]
        if len(missing):
            rows = rng.choice(limit.value, 16)
            rows[:8] = rng.choice(missing, 8)
            views, samples = ROWS[0][rows], ROWS[1][rows]
            store.write(
                views, samples, {
                    source: [expected(views, samples, source)]
                    for source in SOURCES
                })
            check_rows(store, views, samples)
        elif limit.value == len(ROWS[0]):
            return
        else:
            time.sleep(0.001)


def check_rows(store, views, samples):
    for source, (found, ) in store.read(views, samples, SOURCES).items():
        np.testing.assert_array_equal(found, expected(views, samples, source))


@contextlib.contextmanager
def kill_at_the_end(processes):
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)


def start(function, *args):
    process = os.fork()
    if process == 0:
        code = 1
        try:
            function(*args)
            code = 0
        finally:
            os._exit(code)
    return process


def wait(process):
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_processes_that_are_killed_while_they_fill_a_store(tmp_path):
    path = tmp_path / 'store'
    chance = random.Random(0)
    limit = multiprocessing.Value('q', 0, lock=False)
    processes = []
    stored = []
    with kill_at_the_end(processes):
        for kill in range(KILLS):
            while len(processes) < PROCESSES:
                processes.append(
                    start(fill, path, kill * 10 + len(processes), limit))
            limit.value = len(ROWS[0]) * (kill + 1) // (KILLS + 1)
            time.sleep(chance.uniform(0, 0.05))
            killed = processes.pop(chance.randrange(PROCESSES))
            os.kill(killed, signal.SIGKILL)
            assert wait(killed) == -signal.SIGKILL
            if all((path / source).exists() for source in SOURCES):
                store = open_store(path)
                stored.append(store.filled()['b'])
                assert store.check() == dict.fromkeys(SOURCES, 0)
        assert len(set(stored)) > 1 and stored[-1] < 1
        limit.value = len(ROWS[0])
        processes.append(start(fill, path, 1, limit))
        while processes:
            assert wait(processes.pop()) == 0
    store = open_store(path)
    assert not store.missing(*ROWS, SOURCES).any()
    check_rows(store, *ROWS)
    assert store.check() == dict.fromkeys(SOURCES, 0)


def test_processes_that_start_at_once(tmp_path):
    """They create the store, add its sources and fill it together."""
    for round_ in range(5):
        path = tmp_path / str(round_)
        reader, writer = os.pipe()

        def run(path=path, reader=reader, round_=round_):
            os.read(reader, 1)
            open_store(path)

        processes = [start(run) for _ in range(4)]
        with kill_at_the_end(processes):
            os.write(writer, b'xxxx')
            assert [wait(process) for process in processes] == [0] * 4
        os.close(reader)
        os.close(writer)
        assert set(os.listdir(path)) == {'.lock', 'store.json', 'a', 'b'}


def test_a_row_is_of_one_process_alone(tmp_path):
    """Though several write the same rows at once, and not the same values."""
    path = tmp_path / 'store'

    def write(number):
        store = open_store(path)
        rows = np.zeros(20, np.int64), np.arange(20)
        for view in range(VIEWS):
            store.write(rows[0] + view, rows[1], {
                source: [np.full((20, WIDTH), number, np.float32)]
                for source in SOURCES
            })

    open_store(path)
    processes = [start(write, number) for number in (1, 2, 3)]
    with kill_at_the_end(processes):
        assert [wait(process) for process in processes] == [0] * 3
    views, samples = np.repeat(np.arange(VIEWS), 20), np.tile(
        np.arange(20), VIEWS)
    for found, in open_store(path).read(views, samples, SOURCES).values():
        assert (found == found[:, :1]).all()
        assert set(found[:, 0]) <= {1, 2, 3}


def test_a_process_waits_for_the_lock_of_another(tmp_path, monkeypatch):
    path = tmp_path / 'store'
    store = open_store(path)
    reader, writer = os.pipe()

    def hold():
        with store._lock():
            os.write(writer, b'x')
            time.sleep(60)

    process = start(hold)
    with kill_at_the_end([process]):
        os.read(reader, 1)
        monkeypatch.setattr('mmcckd.teacher_store.store.SECONDS_TO_LOCK', 0.1)
        rows = np.zeros(1, np.int64), np.zeros(1, np.int64)
        leaves = {source: [expected(*rows, source)] for source in SOURCES}
        with pytest.raises(ValueError, match='Other processes have been '
                           'writing into the teacher store'):
            store.write(*rows, leaves)
        os.kill(process, signal.SIGKILL)
        store.write(*rows, leaves)
    os.close(reader)
    os.close(writer)


def test_a_forked_worker_reads_ahead(tmp_path):
    store = open_store(tmp_path / 'store')
    rows = np.zeros(8, np.int64), np.arange(8)
    store.write(*rows, {s: [expected(*rows, s)] for s in SOURCES})

    def work():
        store.read_ahead(*rows)
        check_rows(store, *rows)

    process = start(work)
    check_rows(store, *rows)
    assert wait(process) == 0
