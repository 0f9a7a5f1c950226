"""Compare the time of a training step with that of MMRazor's KD recipe.

    python tools/benchmarks/train_step.py [--device cuda --batch 256]

Two recipes that distill ResNet-50 to MobileNetV2 on ImageNet are compared
without changes: this repository's ``configs/cckd/r50_mbv2_in1k.py`` (CE, KD
and CC; called the flagship below) and MMRazor's
``kd_logits_resnet50_mobilenet-v2_8xb32_in1k.py`` (CE and KD; called stock).
One process alternates between steps of both, each with forward, backward and
optimizer, on the same generated images. The output also has the relative
differences of the loss terms from those with the unprepared teacher with the
same weights, and the cost of CC in addition to KD.

The weights are random, with BatchNorm statistics of the images. This is
sufficient for times, but the features of such networks are similar, so CC is
small, and its relative rounding error is larger than in a trained network.

The targets are: 1.7 times the speed of the stock recipe in float32, with terms
equal to 1e-4; 2.2 times with a bfloat16 teacher; 3 times if the student also
uses bfloat16 AMP (2 CPU cores, batches of 16); 1.5 times on a GPU, with AMP
for both recipes; and a cost of CC of at most 1 % of a step at batch size 256.
"""
import argparse
import copy
import statistics
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import BaseModel
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample
from torch import nn

import mmcckd  # noqa: F401  (first, it makes mmrazor importable)

from mmrazor.registry import MODELS  # isort: skip

ROOT = Path(__file__).resolve().parents[2]
STOCK = ('mmrazor::distill/mmcls/kd/'
         'kd_logits_resnet50_mobilenet-v2_8xb32_in1k.py')
FLAGSHIP = ROOT / 'configs/cckd/r50_mbv2_in1k.py'

# Variants to compare with the stock recipe: name -> options of the flagship,
# and whether the student uses bfloat16 autocast.
VARIANTS = {
    'float32': (dict(), False),
    'bfloat16 teacher': (dict(teacher_dtype='bfloat16'), False),
    'bfloat16 teacher, AMP student': (dict(teacher_dtype='bfloat16'), True),
    'float32, compiled': (dict(compile=True), False),
    'bfloat16, AMP, compiled':
    (dict(teacher_dtype='bfloat16', compile=True), True),
}
NOT_COMPILED = [name for name in VARIANTS if 'compiled' not in name]


def stock_model() -> BaseModel:
    """Build MMRazor's recipe, without the weights of the teacher."""
    model = get_config(STOCK).model
    model.teacher_ckpt = None
    return MODELS.build(model)


def flagship_model(**options) -> BaseModel:
    cfg = Config.fromfile(FLAGSHIP)
    cfg.model.teacher_ckpt = None
    cfg.model.update(options)
    return MODELS.build(
        dict(cfg.model, data_preprocessor=cfg.data_preprocessor))


def give_statistics(network: nn.Module, images: torch.Tensor) -> None:
    """Set BatchNorm statistics of the images, and logits that differ."""
    network.init_weights()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
            module.reset_running_stats()
    network.train()
    with torch.no_grad():
        network(images, mode='tensor')
        nn.init.normal_(network.head.fc.weight, std=0.1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1


class Step:
    """A training step of one recipe."""

    def __init__(self, model: BaseModel, images: torch.Tensor,
                 labels: torch.Tensor, amp: bool) -> None:
        self.model = model
        self.model.train()  # MMRazor's returns None
        self.images = images
        self.samples = [
            DataSample().set_gt_label(int(i)).to(images.device) for i in labels
        ]
        self.optimizer = torch.optim.SGD(
            model.parameters(), lr=1e-4, momentum=0.9, weight_decay=4e-5)
        self.amp = amp
        self.seconds = []

    def losses(self) -> dict:
        autocast = torch.autocast(
            self.images.device.type,
            torch.bfloat16) if self.amp else nullcontext()
        with autocast:
            return self.model(self.images, self.samples, mode='loss')

    def __call__(self, count: bool) -> None:
        synchronize(self.images.device)
        start = time.perf_counter()
        loss, _ = self.model.parse_losses(self.losses())
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        synchronize(self.images.device)
        if count:
            self.seconds.append(time.perf_counter() - start)


def synchronize(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize()


def share_weights(source: BaseModel, target: BaseModel) -> None:
    target.student.load_state_dict(source.student.state_dict())
    target.teacher.load_state_dict(source.teacher.state_dict())


def term_differences(step: Step, reference: BaseModel) -> dict:
    """The relative difference of each loss term from the reference.

    The reference is the flagship without a prepared teacher: MMRazor's
    ``SingleTeacherDistill`` with the same distiller, in float32.
    """
    # The forward pass changes the BatchNorm statistics.
    before = copy.deepcopy(step.model.student.state_dict())
    with torch.no_grad():
        expected = reference(step.images, step.samples, mode='loss')
        found = step.losses()
    step.model.student.load_state_dict(before)
    weights = {
        'student.loss': step.model.student_loss_weight,
        'distill.loss_kd': 1.,
        'distill.loss_cc': 1.
    }
    return {
        name: abs(found[name] / (weight * expected[name]) - 1).item()
        for name, weight in weights.items()
    }


def reference_model(flagship: BaseModel) -> BaseModel:
    """The flagship with MMRazor's algorithm, without a prepared teacher."""
    cfg = Config.fromfile(FLAGSHIP)
    model = dict(
        _scope_='mmrazor',
        type='SingleTeacherDistill',
        architecture=cfg.model.architecture,
        teacher=cfg.model.teacher,
        distiller=cfg.model.distiller)
    reference = MODELS.build(model)
    share_weights(flagship, reference)
    reference.distiller.load_state_dict(flagship.distiller.state_dict())
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--size', type=int, default=224)
    parser.add_argument('--repetitions', type=int, default=7)
    parser.add_argument(
        '--variants',
        nargs='+',
        choices=VARIANTS,
        default=NOT_COMPILED,
        help='variants of the flagship to measure; compiling takes minutes')
    parser.add_argument('--device', default='cpu')
    parser.add_argument(
        '--stock-amp',
        action='store_true',
        help='also use AMP for the stock recipe')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    init_default_scope('mmpretrain')
    device = torch.device(args.device)
    images = torch.randn(args.batch, 3, args.size, args.size, device=device)
    labels = torch.randint(1000, (args.batch, ))

    stock = stock_model().to(device)
    for network in (stock.student, stock.teacher):
        give_statistics(network, images)
    steps = {'stock': Step(stock, images, labels, args.stock_amp)}
    differences = {}
    for name in args.variants:
        options, amp = VARIANTS[name]
        model = flagship_model(**options).to(device)
        share_weights(stock, model)
        steps[name] = Step(model, images, labels, amp)
        reference = reference_model(model).to(device)
        differences[name] = term_differences(steps[name], reference)
        del reference

    for i in range(args.repetitions + 1):
        for step in steps.values():
            step(count=i > 0)  # the first step is for warm-up

    print(f'batch {args.batch} x 3 x {args.size} x {args.size}, {device}, '
          f'{torch.get_num_threads()} threads, torch {torch.__version__}')
    base = statistics.median(steps['stock'].seconds)
    print('| | s a step | images/s | over stock | CE | KD | CC |')
    for name, step in steps.items():
        median = statistics.median(step.seconds)
        terms = ' | '.join(
            f'{value:.1e}' for value in differences.get(name, {}).values())
        print(f'| {name} | {median:.3f} | {args.batch / median:.1f} | '
              f'{base / median:.2f} | {terms or "| |"} |')
    first = steps[args.variants[0]]
    cost = cost_of_cc(first.model, 256, device, args.repetitions)
    step = statistics.median(first.seconds) * 256 / args.batch
    print(f'CC at batch 256: {1e3 * cost:.1f} ms, {100 * cost / step:.2f} % '
          f'of a step ({args.variants[0]}, scaled to {step:.1f} s)')


if __name__ == '__main__':
    main()
