"""Measure how long a sampler takes to plan an epoch of the size of ImageNet.

    python tools/benchmarks/sampler.py [--sampler SURSampler]

There are 1,281,167 samples in 1,000 classes or superclasses; the batch size is
256 and k = 4. The output has the seconds to create the sampler (for SUR, this
includes the check that the superclass file belongs to the data set), the
median seconds from the start of an epoch to its first batch, and the memory of
the plan, at its peak and afterwards. The target is 0.5 s for the plan.
"""
import argparse
import statistics
import tempfile
import time
import tracemalloc
from types import SimpleNamespace

import numpy as np
from mmpretrain.datasets import BaseDataset

from mmcckd.datasets import CURSampler, SURSampler
from mmcckd.datasets.samplers import GroupUniformSampler
from mmcckd.superclasses import Superclasses, fingerprint_dataset

SAMPLES, CLASSES = 1_281_167, 1_000


class Labels(BaseDataset):
    """A balanced data set of paths and labels, in random order."""

    def load_data_list(self) -> list:
        self.labels = np.arange(SAMPLES) % CLASSES
        np.random.default_rng(0).shuffle(self.labels)
        return [
            dict(
                img_path=f'data/imagenet/train/n{label:08d}/{i}.JPEG',
                gt_label=label) for i, label in enumerate(self.labels)
        ]


def make_sampler(name: str, source: SimpleNamespace) -> GroupUniformSampler:
    """Create a sampler, and print the time that it takes."""
    dataset = source.dataset
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/superclasses.npz'
        Superclasses(dataset.labels, np.zeros((CLASSES, 2)),
                     dict(dataset=fingerprint_dataset(dataset))).save(path)
        start = time.perf_counter()
        if name == 'SURSampler':
            sampler = SURSampler(source, 256, path, 4)
        else:
            sampler = CURSampler(source, 256, 4)
        print(f'made in {time.perf_counter() - start:.2f} s')
    return sampler


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--ranks', type=int, default=1)
    parser.add_argument(
        '--sampler', choices=['CURSampler', 'SURSampler'],
        default='CURSampler')
    args = parser.parse_args()

    source = SimpleNamespace(
        dataset=Labels(ann_file=''),
        seed=0,
        epoch=0,
        rank=0,
        world_size=args.ranks)
    sampler = make_sampler(args.sampler, source)
    print(f'{len(sampler):,} batches an epoch on each of {args.ranks} ranks')

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
