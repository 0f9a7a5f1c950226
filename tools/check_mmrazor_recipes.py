"""Train MMRazor's recipes of distillation for classification, two iterations.

    python tools/check_mmrazor_recipes.py
    python tools/check_mmrazor_recipes.py rkd fitnets

Each as shipped, with --mix-cc, and with --frozen-teacher, on small toy images
and without checkpoints. Prints a table, and ends with an error if a recipe did
otherwise than this file says. Where CC is mixed in, its loss must be finite
and give the student's first weight a gradient. The recipe of DeiT needs timm,
and is left out without it.
"""
import argparse
import math
import os
import socket
import sys
import tempfile
import traceback
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Dict

import mmrazor
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.datasets import CIFAR10

from mmcckd.config_files.without_weights import without_weights
from mmcckd.datasets.toy import make_cifar10, make_cifar100, make_imagenet
from mmcckd.engine import build_runner, init_distributed
from mmcckd.engine.config_arguments import read_config
from mmcckd.models import CorrelationCongruenceLoss
from mmcckd.recipes import frozen_teacher, mix_cc

FOLDER = Path(mmrazor.__file__).parent / '.mim/configs/distill/mmcls'
SHIPPED, MIXED, FROZEN = WAYS = ('as shipped', '--mix-cc', '--frozen-teacher')
BATCH_SIZE = 8

# The student has no neck.
SOURCES = {
    'deit/deit-base_regnety160_pt-16xb64_in1k.py':
    dict(student='head.layers.head_dist', teacher='head.fc')
}
# What cannot be: a part of the error, and why in short.
NO_TEACHER = ('this one has none', 'it distils from itself, with no teacher')
OTHER = ('does more with its teacher', 'its algorithm is another')
NOT_TRAINED = ('student_trainable=False',
               'it trains no student; mix into `…_train.py`')
REFUSALS = {
    'byot/byot_resnet18_8xb16_cifar100.py': {
        MIXED: NO_TEACHER,
        FROZEN: NO_TEACHER
    },
    'dafl/dafl_logits_resnet34_resnet18_8xb256_cifar10.py': {
        FROZEN: OTHER
    },
    'dfad/dfad_logits_resnet34_resnet18_8xb32_cifar10.py': {
        FROZEN: OTHER
    },
    'factor_transfer/factor-transfer_backbone_resnet50_resnet18_8xb16_cifar10'
    '_pretrain.py': {
        MIXED: NOT_TRAINED
    },
    'ofd/ofd_backbone_resnet50_resnet18_8xb16_cifar10.py': {
        FROZEN: OTHER
    },
    'zskt/zskt_backbone_logits_resnet34_resnet18_8xb16_cifar10.py': {
        FROZEN: OTHER
    },
}


class Toys:
    """Data sets, each made when first needed."""

    DATA = dict(
        ImageNet=(make_imagenet, 2),
        CIFAR10=(make_cifar10, 20),
        CIFAR100=(make_cifar100, 4))

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # MMPretrain downloads what has not the published checksums.
        CIFAR10._check_integrity = lambda self: True

    def data(self, name: str) -> str:
        root = self.folder / name
        if not root.exists():
            make, samples_per_class = self.DATA[name]
            make(root, samples_per_class)
        return str(root)


def make_small(cfg: Config, toys: Toys) -> None:
    """Two iterations on few small images, with nothing to download."""
    cfg.model = without_weights(cfg.model)
    forget_pretraining(cfg.model)
    if 'student_iter' in cfg.model:  # updates of the student an iteration
        cfg.model.student_iter = 2
    loader = cfg.train_dataloader
    loader.batch_size = BATCH_SIZE
    loader.num_workers = 0
    loader.persistent_workers = False
    dataset = loader.dataset.get('dataset', loader.dataset)  # CRD wraps it
    root = 'data_root' if 'data_root' in dataset else 'data_prefix'
    dataset[root] = toys.data(dataset.type)
    for transform in dataset.pipeline:
        if transform.type == 'RandomResizedCrop':
            transform.scale = 64
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.param_scheduler = None  # of as many epochs as the recipe has
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.log_level = 'ERROR'


def forget_pretraining(cfg: dict) -> None:
    """Leave all networks to their random weights when they are initialized."""
    for key, value in cfg.items():
        if isinstance(value, dict):
            forget_pretraining(value)
            if value.get('type') == 'Pretrained':
                cfg[key] = None


def train(cfg: Config) -> Dict[str, float]:
    """The losses of the last iteration, by their names in the log."""
    DefaultScope._instance_dict.clear()  # that of the recipe before
    if 'teachers' in cfg.model:  # MMRazor expects these to be wrapped
        cfg.launcher = 'pytorch'
        os.environ.update(
            RANK='0', LOCAL_RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1',
            MASTER_PORT=free_port())
        init_distributed(cfg.launcher, cfg)
    runner = build_runner(cfg)
    check = GradientCheck(runner.model)
    runner.train()
    check.raise_if_none()
    scalars = runner.message_hub.log_scalars
    losses = {
        name.removeprefix('train/'): float(scalars[name].current())
        for name in scalars if 'loss' in name
    }
    if not losses or not all(map(math.isfinite, losses.values())):
        raise ArithmeticError(f'The losses are {losses}.')
    return losses


class GradientCheck:
    """What the CC loss alone, if there is one, gives to the student.

    A head that begins with zeros, as DeiT's, lets none through at first.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = getattr(model, 'module', model)
        self.largest = None  # entry of the gradient at the last iteration
        for module in model.modules():
            if isinstance(module, CorrelationCongruenceLoss):
                module.register_forward_hook(self.look)

    def look(self, module, inputs, loss: torch.Tensor) -> None:
        weight = next(self.model.architecture.parameters())
        gradient, = torch.autograd.grad(loss, weight, retain_graph=True)
        self.largest = gradient.abs().max().item()

    def raise_if_none(self) -> None:
        if self.largest is not None and not 0 < self.largest < math.inf:
            raise ArithmeticError(
                'loss_cc gives the first weight of the student a gradient of '
                f'{self.largest}.')


def run(recipe: str, way: str, toys: Toys) -> str:
    """What to write into the table; raises if it is not as expected."""
    cfg = read_config(f'mmrazor::distill/mmcls/{recipe}')
    make_small(cfg, toys)
    cfg.work_dir = str(toys.folder / 'work_dir')
    cfg.experiment_name = f'{Path(recipe).stem} {way}'
    fragment, reason = REFUSALS.get(recipe, {}).get(way, (None, None))
    try:
        if way == MIXED:
            cfg = mix_cc(
                cfg, SOURCES.get(recipe, 'neck'), samples_per_class=2)
        elif way == FROZEN:
            cfg = frozen_teacher(cfg)
    except ValueError as error:
        if fragment is not None and fragment in str(error):
            return f'refused: {reason}'
        raise
    if fragment is not None:
        raise AssertionError(f'It was not refused, though {reason}.')
    losses = train(cfg)
    if (way == MIXED) != ('distill.loss_cc' in losses):
        raise AssertionError(f'These losses were logged: {losses}.')
    return 'runs'


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'names', nargs='*', help='parts of names of recipes; defaults to all')
    names = parser.parse_args().names
    recipes = [
        recipe for recipe in sorted(
            path.relative_to(FOLDER).as_posix()
            for path in FOLDER.glob('*/*.py'))
        if not names or any(name in recipe for name in names)
    ]
    if not recipes:
        parser.error(f'MMRazor has no recipe with {" or ".join(names)}.')
    surprises = 0
    print(f'| recipe | {" | ".join(WAYS)} |\n|{"---|" * (1 + len(WAYS))}')
    with tempfile.TemporaryDirectory() as folder:
        toys = Toys(Path(folder))
        for recipe in recipes:
            row = []
            for way in WAYS:
                if recipe.startswith('deit/') and not find_spec('timm'):
                    row.append('not tried: needs timm')
                    continue
                try:
                    with redirect_stdout(sys.stderr):  # CRD prints
                        row.append(run(recipe, way, toys))
                except Exception:
                    traceback.print_exc()
                    row.append('**fails**')
                    surprises += 1
                finally:
                    if torch.distributed.is_initialized():
                        torch.distributed.destroy_process_group()
            print(f'| `{recipe}` | {" | ".join(row)} |', flush=True)
    if surprises:
        sys.exit(f'{surprises} did not do as expected; see above.')


def free_port() -> str:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return str(s.getsockname()[1])


if __name__ == '__main__':
    main()
