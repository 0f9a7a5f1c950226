"""Compare iterations of training, with and without a teacher store.

    python tools/benchmarks/train_step.py
    python tools/benchmarks/train_step.py --batch 256 --rows stock 'stock, AMP'

The rows of the table are recipes without changes, except for their data:

- stock: MMRazor's ``kd_logits_resnet50_mobilenet-v2_8xb32_in1k.py`` (CE, KD);
- student alone: MMPretrain's ``mobilenet-v2_8xb32_in1k.py`` (CE);
- student, prepared: the same, with what the flagship does to its student
  (``channels_last``, ``mmcckd/models/relu6.py``);
- flagship: this repository's ``configs/cckd/r50_mbv2_in1k.py`` (CE, KD, CC);
- stored: the flagship with a teacher store in which nothing is missing.

AMP is autocast with bfloat16, for the flagship with a ``teacher_dtype`` of
bfloat16. TF32 is PyTorch's default for convolutions on a GPU; it is off in
the other rows. Compiled means ``model.compile=True``.

One process alternates between the rows, on the same batches. Each row is built
and prepared by a runner, and an iteration of its training loop is timed: the
hooks, preprocessing the images, forward, backward and optimizer, but not
loading the images. The columns are

- over stock: the speedup over stock, for AMP and TF32 that over the same row
  of stock;
- limit: the least time of the arithmetic and the memory accesses of the
  networks (``step_limit.py``);
- hooks: the time of the hooks, which is included in that of the iteration;
- waits: how often the CPU waits for the GPU in an iteration;
- peak: the most memory that is allocated on the GPU;
- CE, KD, CC: the relative differences of the loss terms from those with
  MMRazor's algorithm with the same weights and an unprepared teacher.

On a CPU, runners of this repository change the settings of the memory
allocator (``mmcckd/engine/host_memory.py``). For stock and student alone, its
defaults are restored.

The weights are random, with BatchNorm statistics of the images. This is
sufficient for times, but the features of such networks are similar, so CC is
small, and its relative rounding error is larger than in a trained network.
"""
import argparse
import copy
import ctypes
import statistics
import tempfile
import time
import warnings
from itertools import islice
from pathlib import Path
from typing import Dict, List

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from step_limit import DTYPES, rates, step_limit, synchronize
from step_rows import (
    BATCHES,
    CONFIGS,
    ROWS,
    Row,
    data_loader,
    networks,
    runner_of,
    write_images,
)
from torch import nn

import mmcckd  # noqa: F401  (first, it makes mmrazor importable)
from mmcckd.engine.host_memory import keep_freed_memory

from mmrazor.registry import MODELS  # isort: skip


class Step:
    """Iterations of the training loop of one row."""

    def __init__(self, row: Row, runner: Runner) -> None:
        self.row = row
        self.runner = runner
        self.model = runner.model
        self.device = next(self.model.parameters()).device
        self.seconds: List[float] = []
        self.hooks: List[float] = []
        self.peak_memory = 0
        self.waits = 0
        self._call_hook = runner.call_hook
        runner.call_hook = self._timed_hook

    @property
    def student(self) -> nn.Module:
        return getattr(self.model, 'student', self.model)

    def set_precision(self) -> None:
        torch.backends.cudnn.allow_tf32 = self.row.precision == 'TF32'

    def _timed_hook(self, *args, **kwargs) -> None:
        synchronize(self.device)
        start = time.perf_counter()
        self._call_hook(*args, **kwargs)
        synchronize(self.device)
        self._in_hooks += time.perf_counter() - start

    def __call__(self, data: dict, count: bool) -> None:
        data = _copy_samples(data)
        loop = self.runner.train_loop
        self.set_precision()
        self._in_hooks = 0.
        if self.device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats()
        synchronize(self.device)
        start = time.perf_counter()
        loop.run_iter(loop.iter, data)
        synchronize(self.device)
        if count:
            self.seconds.append(time.perf_counter() - start)
            self.hooks.append(self._in_hooks)
        if self.device.type == 'cuda':
            self.peak_memory = torch.cuda.max_memory_allocated()

    def count_waits(self, data: dict) -> None:
        """Count how often an iteration waits for the GPU."""
        data = _copy_samples(data)
        loop = self.runner.train_loop
        self.set_precision()
        self.runner.call_hook = self._call_hook  # the timed one waits
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always')
            torch.cuda.set_sync_debug_mode('warn')
            loop.run_iter(loop.iter, data)
            torch.cuda.set_sync_debug_mode('default')
        self.runner.call_hook = self._timed_hook
        self.waits = sum(
            'synchronizing CUDA' in str(each.message) for each in caught)

    def losses(self, data: dict) -> dict:
        data = self.model.data_preprocessor(_copy_samples(data), True)
        with self.runner.optim_wrapper.optim_context(self.model):
            return self.model(**data, mode='loss')


def _copy_samples(data: dict) -> dict:
    """Data preprocessors move the labels of the samples to the GPU."""
    return dict(
        data, data_samples=[sample.clone() for sample in data['data_samples']])


def default_allocator() -> None:
    """Undo ``keep_freed_memory`` as far as possible.

    These are the values that glibc chooses by itself after a large tensor was
    freed.
    """
    libc = ctypes.CDLL(None)
    for option, value in ((-4, 65536), (-3, 1 << 25), (-1, 1 << 26)):
        libc.mallopt(option, value)
    libc.malloc_trim(0)


def measure(steps: Dict[str, Step], batches: List[dict],
            repetitions: int) -> None:
    """Alternate between the rows, with a step for warm-up each time."""
    for i in range(repetitions + 1):
        for step in steps.values():
            if step.device.type == 'cpu':
                ours = step.row.recipe == 'flagship' or step.row.prepared
                (keep_freed_memory if ours else default_allocator)()
            for j, data in enumerate(batches):
                step(data, count=i > 0 and j > 0)


def term_differences(step: Step, reference: BaseModel, data: dict) -> dict:
    """The relative difference of each loss term from the reference."""
    # The forward pass changes the BatchNorm statistics.
    before = copy.deepcopy(step.student.state_dict())
    prepared = step.model.data_preprocessor(_copy_samples(data), True)
    reference.distiller.load_state_dict(step.model.distiller.state_dict())
    with torch.no_grad():
        torch.backends.cudnn.allow_tf32 = False
        expected = reference(**prepared, mode='loss')
        step.set_precision()
        found = step.losses(data)
    step.student.load_state_dict(before)
    weights = {
        'student.loss': step.model.student_loss_weight,
        'distill.loss_kd': 1.,
        'distill.loss_cc': 1.
    }
    return {
        name: abs(found[name] / (weight * expected[name]) - 1).item()
        for name, weight in weights.items()
    }


def reference_model(models: Dict[str, BaseModel]) -> BaseModel:
    """The flagship with MMRazor's algorithm, without a prepared teacher."""
    cfg = Config.fromfile(CONFIGS['flagship'])
    reference = MODELS.build(
        dict(
            _scope_='mmrazor',
            type='SingleTeacherDistill',
            architecture=cfg.model.architecture,
            teacher=cfg.model.teacher,
            distiller=cfg.model.distiller))
    reference.student.load_state_dict(models['student'].state_dict())
    reference.teacher.load_state_dict(models['teacher'].state_dict())
    reference.train()
    return reference


def cost_of_cc(model: BaseModel, n: int, device: torch.device,
               repetitions: int) -> float:
    """Seconds of the CC term, forward and backward, for n samples."""
    connectors = model.distiller.connectors
    loss = model.distiller.distill_losses['loss_cc']
    student = torch.randn(n, 1280, device=device).relu().requires_grad_()
    teacher = torch.randn(n, 2048, device=device).relu()
    seconds = []
    for _ in range(repetitions + 2):
        synchronize(device)
        start = time.perf_counter()
        loss(connectors['kernel_s'](student),
             connectors['kernel_t'](teacher)).backward()
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--repetitions', type=int, default=7)
    parser.add_argument(
        '--rows',
        nargs='+',
        choices=ROWS,
        default=[
            'stock', 'student alone', 'student, prepared', 'flagship', 'stored'
        ],
        help='rows of the table; compiling takes minutes')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.manual_seed(args.seed)
    init_default_scope('mmpretrain')
    MMLogger.get_current_instance().setLevel('WARNING')
    with tempfile.TemporaryDirectory() as folder:
        run(args, Path(folder))


def run(args: argparse.Namespace, folder: Path) -> None:
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    write_images(folder / 'images', args.batch)
    loader = data_loader(folder / 'images', args.batch, args.size)
    first = next(iter(Runner.build_dataloader(copy.deepcopy(loader), seed=0)))
    models = networks((first['inputs'].float().to(device) - 120) / 58)
    teacher = str(folder / 'teacher.pth')
    torch.save(dict(state_dict=models['teacher'].state_dict()), teacher)

    steps, batches, differences = {}, None, {}
    for name in args.rows:
        runner = runner_of(name, loader, teacher, folder)
        steps[name] = step = Step(ROWS[name], runner)
        step.student.load_state_dict(models['student'].state_dict())
        if batches is None or step.row.stored:
            # With a store, the samples say which ones they are.
            batches = list(islice(runner.train_dataloader, BATCHES))
    reference = reference_model(models).to(device)
    for name, step in steps.items():
        if step.row.recipe == 'flagship':
            differences[name] = term_differences(step, reference, batches[0])

    measure(steps, batches, args.repetitions)
    if device.type == 'cuda':
        for step in steps.values():
            step.count_waits(batches[0])
    name = torch.cuda.get_device_name() if device.type == 'cuda' else (
        f'CPU with {torch.get_num_threads()} threads')
    print(f'batch {args.batch} x 3 x {args.size} x {args.size}, {name}, '
          f'torch {torch.__version__}')
    print_table(steps, differences, models,
                first['inputs'].float().to(device))
    for name, step in steps.items():
        if step.row.recipe == 'flagship':
            cost = cost_of_cc(step.model, 256, device, args.repetitions)
            seconds = statistics.median(step.seconds) * 256 / args.batch
            print(f'CC at batch 256: {1e3 * cost:.1f} ms, '
                  f'{100 * cost / seconds:.2f} % of a step of {name}')
            break


def print_table(steps: Dict[str, Step], differences: Dict[str, dict],
                models: Dict[str, BaseModel], images: torch.Tensor) -> None:
    measured = {name: rates(images.device, name) for name in DTYPES}
    print('| | s | images/s | over stock | limit, s | hooks, ms | waits '
          '| peak, GiB | CE | KD | CC |')
    print('|---|' + 10 * '---:|')
    for name, step in steps.items():
        row, median = step.row, statistics.median(step.seconds)
        stock = steps.get(row.stock)
        speedup = f'{statistics.median(stock.seconds) / median:.2f}' if (
            stock) else ''
        precision = row.precision
        limit = step_limit(models['student'], images, True,
                           measured[precision], DTYPES[precision].itemsize)
        if row.recipe != 'student' and not row.stored:
            precision = 'AMP' if row.teacher_dtype else precision
            limit += step_limit(models['teacher'], images, False,
                                measured[precision],
                                DTYPES[precision].itemsize)
        terms = ' | '.join(
            f'{value:.1e}' for value in differences.get(name, {}).values())
        print(f'| {name} | {median:.3f} | {len(images) / median:.1f} | '
              f'{speedup} | {limit:.3f} | '
              f'{1e3 * statistics.median(step.hooks):.1f} | {step.waits} | '
              f'{step.peak_memory / 2**30:.1f} | {terms or "| |"} |')
    for name, (flops, moved) in measured.items():
        print(f'{name}: {flops / 1e9:.0f} GFLOP/s in matrix products, '
              f'{moved / 1e9:.0f} GB/s in copies')


if __name__ == '__main__':
    main()
