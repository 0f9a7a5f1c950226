"""Measure the evaluation of re-identification at the size of MSMT17.

    python tools/benchmarks/reid_eval.py [--rerank]

There are 11,659 queries and 82,161 gallery entries of 3,060 persons and 15
cameras, with 512-dimensional features. A feature is the sum of a center for
the person, a shift for the camera, and noise, which is small as for a trained
model, or large as for an untrained one. Each noise level runs in its own
process. The evaluation alternates with the plain matrix product of the same
features, in blocks of the same size, into one buffer. The output has the
median seconds of both, their ratio, and the peak memory of the process before
the first product.

The targets are twice the time of the product and 1.5 GiB, and with --rerank
(k-reciprocal re-ranking) 4 GiB.
"""
import argparse
import json
import subprocess
import sys

import numpy as np

CHILD = '''
import json, resource, statistics, sys, time
import numpy as np
from mmcckd.reid.evaluation import evaluate_reid
from mmcckd.reid.evaluation.evaluate import BLOCK_BYTES

args = json.loads(sys.argv[1])
rng = np.random.default_rng(0)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def draw(size):
    """Features, persons and cameras of a split."""
    ids = rng.integers(args['identities'], size=size)
    cameras = rng.integers(args['cameras'], size=size)
    features = rng.standard_normal((size, args['width']), np.float32)
    features *= args['noise']
    for begin in range(0, size, 1024):
        rows = slice(begin, begin + 1024)
        features[rows] += centers[ids[rows]]
        features[rows] += shifts[cameras[rows]]
    return features, ids, cameras


imported = peak()
centers = rng.standard_normal((args['identities'], args['width']), np.float32)
shifts = rng.standard_normal((args['cameras'], args['width']), np.float32)
shifts *= .3
query, query_ids, query_cameras = draw(args['queries'])
gallery, gallery_ids, gallery_cameras = draw(args['gallery'])
del centers, shifts


def multiply():
    rows = max(1, BLOCK_BYTES // (4 * len(gallery)))
    buffer = np.empty((min(rows, len(query)), len(gallery)), np.float32)
    for begin in range(0, len(query), rows):
        block = query[begin:begin + rows]
        np.matmul(block, gallery.T, out=buffer[:len(block)])


def timed(run, seconds):
    start = time.perf_counter()
    result = run()
    seconds.append(time.perf_counter() - start)
    return result


ours, product = [], []
for repetition in range(args['repetitions']):
    metrics = timed(
        lambda: evaluate_reid(query, gallery, query_ids, gallery_ids,
                              query_cameras, gallery_cameras,
                              rerank=args['rerank']), ours)
    if not repetition:
        gib = peak()
    timed(multiply, product)
print(json.dumps(dict(
    ours=statistics.median(ours),
    product=statistics.median(product),
    gib=gib, imported=imported, metrics=metrics)))
'''


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--queries', type=int, default=11_659)
    parser.add_argument('--gallery', type=int, default=82_161)
    parser.add_argument('--width', type=int, default=512)
    parser.add_argument('--identities', type=int, default=3_060)
    parser.add_argument('--cameras', type=int, default=15)
    parser.add_argument('--noise', type=float, nargs='+', default=[2.3, 100.])
    parser.add_argument('--repetitions', type=int, default=3)
    parser.add_argument('--rerank', action='store_true')
    args = parser.parse_args()

    print(f'{args.queries:,} queries × {args.gallery:,} × {args.width}, '
          f'numpy {np.__version__}; medians of {args.repetitions}\n')
    print('| noise | mAP | rank-1 | product, s | ours, s | ours/product | '
          'GiB | of it, imports |')
    print('|---:|' + '---:|' * 7)
    for noise in args.noise:
        output = subprocess.run(
            [sys.executable, '-c', CHILD,
             json.dumps(dict(vars(args), noise=noise))],
            check=True,
            stdout=subprocess.PIPE,
            text=True).stdout
        found = json.loads(output.splitlines()[-1])
        row = [
            f'{noise:g}', f'{found["metrics"]["mAP"]:.3f}',
            f'{found["metrics"]["rank-1"]:.3f}', f'{found["product"]:.2f}',
            f'{found["ours"]:.2f}', f'{found["ours"] / found["product"]:.2f}',
            f'{found["gib"]:.2f}', f'{found["imported"]:.2f}'
        ]
        print('| ' + ' | '.join(row) + ' |', flush=True)


if __name__ == '__main__':
    main()
