"""Time the Gaussian RBF connectors and the CC loss, forward and backward.

    python tools/benchmarks/loss.py [--against PATH] [--torchdistill]
        [--device cuda]

Compares, side by side in one run, on the same features:

- ours         connectors and loss of this package, as a distiller calls them
- exact        the same with order=None, the exact kernel
- plain        the paper's formula written term by term, with autograd
- products     the three matrix products that it needs: two correlations, one
               gradient
- other        CCLoss of another checkout, with --against
- torchdistill its CCKDLoss, with --torchdistill (pip install torchdistill)

Prints the median milliseconds of each and the ratios that the project aims at:
plain / ours >= 2 from n = 256 on, ours / products <= 1.5 from n = 256 on at
d = 512, torchdistill / ours >= 20. Large batches are repeated less often.
"""
import argparse
import importlib.util
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Callable, Dict

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcckd.models import CorrelationCongruenceLoss, GaussianRBFKernelConnector

GAMMA, ORDER = 0.4, 2
SIZES = ((256, 512), (512, 512), (1024, 512), (2048, 512), (4096, 512),
         (256, 2048))


def ours(order=ORDER) -> Callable:
    kernel_s = GaussianRBFKernelConnector(GAMMA, order)
    kernel_t = GaussianRBFKernelConnector(GAMMA, order)
    criterion = CorrelationCongruenceLoss()
    return lambda student, teacher: criterion(
        kernel_s(student), kernel_t(teacher)).backward()


def plain(student: Tensor, teacher: Tensor) -> None:

    def kernel(x):
        x = F.normalize(x)
        similarity = x @ x.t()
        correlation = torch.zeros_like(similarity)
        for p in range(ORDER + 1):
            coefficient = math.exp(-2 * GAMMA) * (
                2 * GAMMA)**p / math.factorial(p)
            correlation = correlation + coefficient * similarity**p
        return correlation

    difference = kernel(student) - kernel(teacher)
    (difference**2).mean().backward()


def products(student: Tensor, teacher: Tensor) -> None:
    with torch.no_grad():
        correlation = student @ student.t()
        teacher @ teacher.t()
        correlation @ student


def other(checkout: Path) -> Callable:
    """CCLoss of another checkout, whose package imports only PyTorch."""
    package = checkout / 'mmcckd/functional/__init__.py'
    spec = importlib.util.spec_from_file_location('other_functional', package)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    criterion = module.CCLoss(gamma=GAMMA, order=ORDER)
    return lambda student, teacher: criterion(student, teacher).backward()


def torchdistill() -> Callable:
    from torchdistill.losses.mid_level import CCKDLoss
    criterion = CCKDLoss(
        'linear',
        'linear',
        kernel_config=dict(type='gaussian', gamma=GAMMA, max_p=ORDER),
        reduction='batchmean')
    return lambda student, teacher: criterion(
        dict(linear=dict(output=F.normalize(student))),
        dict(linear=dict(output=F.normalize(teacher)))).backward()


def measure(contestants: Dict[str, Callable], n: int, d: int, device: str,
            repetitions: int) -> Dict[str, float]:
    """Median seconds of each. They take turns, so drift affects all alike."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, n, d, generator=generator).to(device)
    student.requires_grad_()
    seconds = {name: [] for name in contestants}
    for _ in range(repetitions + 3):
        for name, run in contestants.items():
            student.grad = None
            synchronize(device)
            start = time.perf_counter()
            run(student, teacher)
            synchronize(device)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(s[3:]) for name, s in seconds.items()}


def synchronize(device: str) -> None:
    if device == 'cuda':
        torch.cuda.synchronize()


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--device', choices=['cpu', 'cuda'], default='cpu')
    parser.add_argument(
        '--repetitions', type=int, default=50, help='up to n = 512')
    parser.add_argument(
        '--against',
        type=Path,
        metavar='PATH',
        help='another checkout, with mmcckd/functional')
    parser.add_argument('--torchdistill', action='store_true')
    parser.add_argument(
        '--sizes',
        nargs='+',
        type=lambda text: tuple(map(int, text.split('x'))),
        default=SIZES,
        help='n x d, as 256x512')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    contestants = dict(
        ours=ours(), exact=ours(order=None), plain=plain, products=products)
    if args.against is not None:
        contestants['other'] = other(args.against)
    if args.torchdistill:
        contestants['torchdistill'] = torchdistill()
    where = (torch.cuda.get_device_name() if args.device == 'cuda' else
             f'CPU, {torch.get_num_threads()} threads')
    print(f'torch {torch.__version__}, {where}; medians, milliseconds\n')
    header = [*contestants, 'plain/ours', 'ours/products']
    header += [f'{name}/ours' for name in list(contestants)[4:]]
    print('| n × d | ' + ' | '.join(header) + ' |')
    print('|---|' + '---:|' * len(header))
    for n, d in args.sizes:
        repetitions = max(
            min(args.repetitions, 5), args.repetitions * 512 // max(n, 512))
        seconds = measure(contestants, n, d, args.device, repetitions)
        row = [f'{1000 * s:.2f}' for s in seconds.values()]
        for ratio in header[len(contestants):]:
            numerator, denominator = ratio.split('/')
            row.append(f'{seconds[numerator] / seconds[denominator]:.2f}')
        print(f'| {n} × {d} | ' + ' | '.join(row) + ' |', flush=True)


if __name__ == '__main__':
    main()
