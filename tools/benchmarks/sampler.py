"""Time the CUR sampler's plan of an epoch at the size of ImageNet.

    python tools/benchmarks/sampler.py

1,281,167 samples in 1,000 classes, batch 256, k = 4. Prints the median seconds
from the start of an epoch to its first batch, and the memory that the plan
takes at its peak and keeps. The project aims at 0.5 s.
"""
import argparse
import statistics
import time
import tracemalloc
from types import SimpleNamespace

import numpy as np

from mmcckd.datasets import CURSampler

SAMPLES, CLASSES = 1_281_167, 1_000


class Labels:
    """A balanced dataset of nothing but labels, in random order."""

    def __init__(self) -> None:
        self.labels = np.arange(SAMPLES) % CLASSES
        np.random.default_rng(0).shuffle(self.labels)

    def __len__(self) -> int:
        return SAMPLES

    def get_gt_labels(self) -> np.ndarray:
        return self.labels


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--ranks', type=int, default=1)
    args = parser.parse_args()

    source = SimpleNamespace(
        dataset=Labels(), seed=0, epoch=0, rank=0, world_size=args.ranks)
    start = time.perf_counter()
    sampler = CURSampler(source, batch_size=256, samples_per_class=4)
    print(f'made in {time.perf_counter() - start:.2f} s, '
          f'{len(sampler):,} batches an epoch on each of {args.ranks} ranks')

    seconds = []
    for source.epoch in range(args.epochs):
        start = time.perf_counter()
        next(iter(sampler))
        seconds.append(time.perf_counter() - start)
    print(f'plan of an epoch: median {statistics.median(seconds):.3f} s, '
          f'{min(seconds):.3f} to {max(seconds):.3f} s in {args.epochs} runs')

    tracemalloc.start()
    batches = iter(sampler)
    seen = set(next(batches))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    seen.update(i for batch in batches for i in batch)
    print(f'memory: {kept / 2**20:.0f} MiB, {peak / 2**20:.0f} MiB at its '
          'peak')
    if args.ranks == 1:
        print(f'{len(seen) / SAMPLES:.1%} of the samples seen')


if __name__ == '__main__':
    main()
