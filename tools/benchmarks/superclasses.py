"""Cluster generated features of the size of ImageNet's.

    python tools/benchmarks/superclasses.py
    python tools/benchmarks/superclasses.py --samples 160000 --width 2048

The features are a mixture of 1,000 Gaussians on the sphere, 1,281,167 × 512 in
float16, in a memory-mapped file. A separate process clusters them into 1,000
superclasses. The output has its run time in seconds, its peak resident memory
(including pages of the memory map), and the inertia relative to that of the
mixture's own groups.

Then 100,000 of the features are clustered into 200 superclasses, in turn with
the same algorithm and with scikit-learn's KMeans, and the inertias are
compared. The targets are 15 minutes, 3 GiB, and at most 3 % above KMeans, on 2
cores.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

COMPONENTS = 1_000
# The norm of the noise, as large as that of the centers: the cosine of two
# samples of a component is about one half.
SPREAD = 1.

CLUSTER = '''
import json, resource, sys, time
import numpy as np
from mmcckd.superclasses import cluster_features
features = np.load(sys.argv[1], mmap_mode='r')
before = int(open('/proc/self/statm').read().split()[1]) * 4096
start = time.perf_counter()
found = cluster_features(features, int(sys.argv[2]), 'minibatch',
                         int(sys.argv[3]))
json.dump(
    dict(
        seconds=time.perf_counter() - start,
        gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        gib_before=before / 2**30,
        inertia=found.inertia,
        sizes=[int(f(found.sizes)) for f in (np.min, np.median, np.max)]),
    open(sys.argv[4], 'w'))
'''


def write_mixture(path: Path, samples: int, width: int) -> float:
    """Write the features; returns the inertia of the mixture's groups."""
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((COMPONENTS, width), dtype=np.float32)
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    out = np.lib.format.open_memmap(path, 'w+', np.float16, (samples, width))
    sums, sizes = np.zeros((COMPONENTS, width)), np.zeros(COMPONENTS)
    squares = 0.
    for begin in range(0, samples, 8192):
        component = rng.integers(
            COMPONENTS, size=min(8192, samples - begin))
        x = rng.standard_normal((len(component), width), dtype=np.float32)
        x = x * (SPREAD / width**0.5) + centers[component]
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        out[begin:begin + len(x)] = x
        squares += np.square(x, dtype=np.float64).sum()
        np.add.at(sums, component, x)
        np.add.at(sizes, component, 1)
    out.flush()
    means = sums / np.maximum(sizes, 1)[:, None]
    return squares - (sizes * np.square(means).sum(1)).sum()


def cluster(path: Path, num_clusters: int, seed: int = 0) -> dict:
    """Cluster in a fresh process."""
    result = path.with_suffix('.json')
    subprocess.run(
        [sys.executable, '-c', CLUSTER, path, str(num_clusters), str(seed),
         result],
        check=True,
        stdout=subprocess.DEVNULL)
    return json.loads(result.read_text())


def compare(features: np.ndarray, folder: Path, num_clusters: int,
            repetitions: int) -> None:
    """Compare with scikit-learn's KMeans on a subset."""
    path = folder / 'subset.npy'
    np.save(path, features)
    ours, theirs = [], []
    for seed in range(repetitions):
        ours.append(cluster(path, num_clusters, seed))
        start = time.perf_counter()
        full = KMeans(
            num_clusters, random_state=seed).fit(features.astype(np.float32))
        theirs.append((time.perf_counter() - start, full.inertia_))
    ratios = [
        mine['inertia'] / inertia for mine, (_, inertia) in zip(ours, theirs)
    ]
    print(f'{len(features):,} samples into {num_clusters}: inertia over that '
          f"of scikit-learn's KMeans {statistics.median(ratios):.4f} "
          f'({min(ratios):.4f} to {max(ratios):.4f}, {repetitions} seeds); '
          f'{statistics.median(m["seconds"] for m in ours):.1f} s against '
          f'{statistics.median(t for t, _ in theirs):.1f} s')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--samples', type=int, default=1_281_167)
    parser.add_argument('--width', type=int, default=512)
    parser.add_argument('--superclasses', type=int, default=1_000)
    parser.add_argument('--subset', type=int, default=100_000)
    parser.add_argument('--subset-superclasses', type=int, default=200)
    parser.add_argument('--repetitions', type=int, default=3)
    parser.add_argument(
        '--folder',
        help='folder for some gigabytes of data; defaults to a temporary one')
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = Path(folder) / 'features.npy'
        own = write_mixture(path, args.samples, args.width)
        found = cluster(path, args.superclasses)
        print(f'{args.samples:,} × {args.width} into {args.superclasses:,}: '
              f'{found["seconds"]:.0f} s, {found["gib"]:.2f} GiB at its peak '
              f'({found["gib_before"]:.2f} before, the memory map '
              f'{path.stat().st_size / 2**30:.2f}); inertia over that of the '
              f"mixture's own groups {found['inertia'] / own:.4f}; sizes "
              '{} to {}, median {}'.format(found['sizes'][0],
                                           found['sizes'][2],
                                           found['sizes'][1]))
        rows = np.random.default_rng(1).choice(
            args.samples, min(args.subset, args.samples), replace=False)
        features = np.load(path, mmap_mode='r')[np.sort(rows)]
        compare(features, Path(folder), args.subset_superclasses,
                args.repetitions)


if __name__ == '__main__':
    main()
