"""Measure reading and writing a teacher store, beside a plain memory map.

    python tools/benchmarks/teacher_store.py [--folder FOLDER]

A row has features of 2,048 dimensions and logits of 1,000 classes in float16,
as of ResNet-50 on ImageNet, and a batch has 256 rows of random samples. The
plain memory map has the same rows, read with ``array[view, samples]`` and
converted to float32. Data are read from the page cache of the operating
system, and from the disk, after their pages were dropped: at once, and after
``read_ahead`` and a pause, as when the workers of a data loader call it.

At last, a store of the size of ImageNet with 100 views is created, opened and
counted. To need less disk space, its rows have a single number.
"""
import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

import numpy as np
import torch

from mmcckd.teacher_store import RecordLayout, StoreSettings, TeacherStore

BATCH = 256
LEAVES = {'ModuleOutputs:neck': 2048, 'ModuleOutputs:head.fc': 1000}
IMAGENET = 1_281_167
SECONDS_TO_READ_AHEAD = 0.3


def milliseconds(function: Callable, batches: List[np.ndarray],
                 prepare: Callable = lambda samples: None) -> str:
    seconds = []
    for samples in batches:
        prepare(samples)
        start = time.perf_counter()
        function(samples)
        seconds.append(time.perf_counter() - start)
    return (f'median {1e3 * statistics.median(seconds):6.2f} ms, '
            f'least {1e3 * min(seconds):6.2f} ms')


def drop_pages(folder: Path) -> None:
    """Let the operating system forget what it has read of the files."""
    os.sync()
    for path in folder.rglob('*.npy'):
        with open(path, 'rb') as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_leaves(rng: np.random.Generator,
                n: int) -> Dict[str, List[np.ndarray]]:
    return {
        source: [rng.standard_normal((n, width), np.float32)]
        for source, width in LEAVES.items()
    }


def measure_batches(folder: Path, num_samples: int, repeats: int) -> None:
    num_samples -= num_samples % BATCH
    rng = np.random.default_rng(0)
    view = np.zeros(BATCH, np.int64)
    store = TeacherStore(
        StoreSettings(str(folder / 'store'), views=1), num_samples, {})
    store.add({
        source: RecordLayout(0, [(width, )])
        for source, width in LEAVES.items()
    })
    width = sum(LEAVES.values())
    plain = np.lib.format.open_memmap(folder / 'plain.npy', 'w+', np.float16,
                                      (num_samples, width))
    order = rng.permutation(num_samples)
    batches = [
        order[i:i + BATCH]
        for i in range(0, num_samples, BATCH)
    ]
    leaves = make_leaves(rng, BATCH)
    joined = np.concatenate([parts[0] for parts in leaves.values()], 1)

    def write_plain(samples):
        plain[samples] = joined

    print(f'Batches of {BATCH} rows of {2 * width:,} bytes; {num_samples:,} '
          'rows')
    print('write, store:       ',
          milliseconds(lambda s: store.write(view, s, leaves), batches))
    print('write, plain map:   ', milliseconds(write_plain, batches))
    plain.flush()
    plain = [np.load(folder / 'plain.npy', mmap_mode='r')]

    batches = [rng.choice(num_samples, BATCH, False) for _ in range(repeats)]

    def read(samples):
        return store.read(view, samples, list(LEAVES))

    def read_ahead(samples):
        drop_pages(folder)
        store.read_ahead(view, samples)
        time.sleep(SECONDS_TO_READ_AHEAD)

    def read_plain(samples):
        return plain[0][samples].astype(np.float32)

    def drop(samples):
        del plain[0]  # since pages that are mapped are kept
        drop_pages(folder)
        plain.append(np.load(folder / 'plain.npy', mmap_mode='r'))

    for name, prepare in (('from memory', lambda _: None),
                          ('from disk', drop)):
        print(f'read {name}, store:    ',
              milliseconds(read, batches, prepare))
        print(f'read {name}, plain map:',
              milliseconds(read_plain, batches, prepare))
    print('read after read_ahead:   ', milliseconds(read, batches, read_ahead))
    print('read_ahead itself:       ',
          milliseconds(lambda s: store.read_ahead(view, s), batches,
                       lambda _: drop_pages(folder)))
    print('missing:                 ',
          milliseconds(lambda s: store.missing(view, s, list(LEAVES)),
                       batches))
    seen = []
    start = time.perf_counter()
    store.check(seen.append)
    seconds = time.perf_counter() - start
    print(f'check: {sum(seen) / seconds:,.0f} rows a second')


def measure_opening(folder: Path, views: int) -> None:
    settings = StoreSettings(str(folder / 'large'), views=views)
    layouts = {'ModuleOutputs:neck': RecordLayout(0, [(1, )])}

    def timed(name, function):
        start = time.perf_counter()
        result = function()
        print(f'{name}: {time.perf_counter() - start:.3f} s')
        return result

    print(f'{views} views of {IMAGENET:,} samples')
    store = timed('create', lambda: TeacherStore(settings, IMAGENET, {}))
    timed('add', lambda: store.add(layouts))
    timed('count, empty', store.filled)
    samples = np.arange(IMAGENET)
    timed('missing in a view',
          lambda: store.missing(0 * samples, samples, list(layouts)))
    for view in range(views):  # as if all rows were stored
        path = store.path / 'ModuleOutputs%3Aneck' / 'checksums.npy'
        checksums = np.load(path, mmap_mode='r+')
        checksums[view] = 1
    store = timed('open', lambda: TeacherStore(settings, IMAGENET, {}))
    timed('add again', lambda: store.add(layouts))
    print(timed('count, full', store.filled))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--folder', help='where the files are written, for a while')
    parser.add_argument('--samples', type=int, default=100_000)
    parser.add_argument('--repeats', type=int, default=20)
    parser.add_argument('--views', type=int, default=100)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        measure_batches(Path(folder), args.samples, args.repeats)
        measure_opening(Path(folder), args.views)


if __name__ == '__main__':
    main()
