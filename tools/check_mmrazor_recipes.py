"""Train MMRazor's distillation recipes for classification for two iterations.

    python tools/check_mmrazor_recipes.py
    python tools/check_mmrazor_recipes.py rkd fitnets

Each recipe is trained as shipped, with --mix-cc and with --frozen-teacher, on
small toy images and without checkpoints. The results are printed as a table.
The command fails if a result differs from the expectations in this file. With
--mix-cc, the CC loss must be finite and give the first weight of the student
a gradient. The DeiT recipe needs timm, and is skipped without it.
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

# Sources for recipes in which the student has no neck.
SOURCES = {
    'deit/deit-base_regnety160_pt-16xb64_in1k.py':
    dict(student='head.layers.head_dist', teacher='head.fc')
}
# Recipes that are refused: a part of the error, and the reason for the table.
NO_TEACHER = ('this one has none',
              'it distills from itself, without a teacher')
OTHER = ('does more with its teacher', 'it has another algorithm')
NOT_TRAINED = ('student_trainable=False',
               'it trains no student; add CC to `…_train.py`')
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
    """Toy data sets, each made when it is first needed."""

    DATA = dict(
        ImageNet=(make_imagenet, 2),
        CIFAR10=(make_cifar10, 20),
        CIFAR100=(make_cifar100, 4))

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # MMPretrain downloads CIFAR-10 if the checksums are different.
        CIFAR10._check_integrity = lambda self: True

    def data(self, name: str) -> str:
        root = self.folder / name
        if not root.exists():
            make, samples_per_class = self.DATA[name]
            make(root, samples_per_class)
        return str(root)


def make_small(cfg: Config, toys: Toys) -> None:
    """Change a recipe to two iterations on small images, without weights."""
    cfg.model = without_weights(cfg.model)
    remove_pretrained_init(cfg.model)
    if 'student_iter' in cfg.model:  # updates of the student per iteration
        cfg.model.student_iter = 2
    loader = cfg.train_dataloader
    loader.batch_size = BATCH_SIZE
    loader.num_workers = 0
    loader.persistent_workers = False
    # The recipe of CRD wraps the data set.
    dataset = loader.dataset.get('dataset', loader.dataset)
    root = 'data_root' if 'data_root' in dataset else 'data_prefix'
    dataset[root] = toys.data(dataset.type)
    for transform in dataset.pipeline:
        if transform.type == 'RandomResizedCrop':
            transform.scale = 64
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.param_scheduler = None  # made for the number of epochs of the recipe
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.log_level = 'ERROR'


def remove_pretrained_init(cfg: dict) -> None:
    """Remove ``type='Pretrained'`` from all ``init_cfg`` of a config."""
    for key, value in cfg.items():
        if isinstance(value, dict):
            remove_pretrained_init(value)
            if value.get('type') == 'Pretrained':
                cfg[key] = None


def train(cfg: Config) -> Dict[str, float]:
    """Train, and return the losses of the last iteration by name."""
    DefaultScope._instance_dict.clear()  # remove that of the previous recipe
    if 'teachers' in cfg.model:  # MMRazor expects a wrapped model
        cfg.launcher = 'pytorch'
        os.environ.update(
            RANK='0', LOCAL_RANK='0', WORLD_SIZE='1', MASTER_ADDR='127.0.0.1',
            MASTER_PORT=free_port())
        init_distributed(cfg.launcher, cfg)
    runner = build_runner(cfg)
    check = GradientCheck(runner.model)
    runner.train()
    check.raise_if_zero()
    scalars = runner.message_hub.log_scalars
    losses = {
        name.removeprefix('train/'): float(scalars[name].current())
        for name in scalars if 'loss' in name
    }
    if not losses or not all(map(math.isfinite, losses.values())):
        raise ArithmeticError(f'The losses are {losses}.')
    return losses


class GradientCheck:
    """Check the gradient of the CC loss, if there is one, in the student.

    The gradient of the last iteration is checked, since that of the first one
    is zero if the weights of the head are zero, as in DeiT.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = getattr(model, 'module', model)
        self.largest = None  # absolute value in the gradient
        for module in model.modules():
            if isinstance(module, CorrelationCongruenceLoss):
                module.register_forward_hook(self.measure)

    def measure(self, module, inputs, loss: torch.Tensor) -> None:
        weight = next(self.model.architecture.parameters())
        gradient, = torch.autograd.grad(loss, weight, retain_graph=True)
        self.largest = gradient.abs().max().item()

    def raise_if_zero(self) -> None:
        if self.largest is not None and not 0 < self.largest < math.inf:
            raise ArithmeticError(
                'The gradient of loss_cc for the first weight of the student '
                f'must be finite and not zero, but is {self.largest}.')


def run(recipe: str, way: str, toys: Toys) -> str:
    """Check a recipe, and return the text for its cell of the table.

    Raises:
        Exception: If the recipe fails or is not refused as expected.
    """
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
        raise AssertionError(f'Expected an error, since {reason}.')
    losses = train(cfg)
    if (way == MIXED) != ('distill.loss_cc' in losses):
        raise AssertionError(
            f'distill.loss_cc must be logged only with {MIXED}, but the '
            f'losses of "{way}" are {losses}.')
    return 'runs'


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'names',
        nargs='*',
        help='parts of the names of recipes; defaults to all recipes')
    names = parser.parse_args().names
    recipes = [
        recipe for recipe in sorted(
            path.relative_to(FOLDER).as_posix()
            for path in FOLDER.glob('*/*.py'))
        if not names or any(name in recipe for name in names)
    ]
    if not recipes:
        parser.error(f'MMRazor has no recipe with {" or ".join(names)}.')
    failures = 0
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
                    failures += 1
                finally:
                    if torch.distributed.is_initialized():
                        torch.distributed.destroy_process_group()
            print(f'| `{recipe}` | {" | ".join(row)} |', flush=True)
    if failures:
        sys.exit(f'{failures} results are not as expected; see above.')


def free_port() -> str:
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return str(s.getsockname()[1])


if __name__ == '__main__':
    main()
