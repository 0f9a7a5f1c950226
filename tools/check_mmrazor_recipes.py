"""Train MMRazor's recipes that distill for two iterations.

    python tools/check_mmrazor_recipes.py
    python tools/check_mmrazor_recipes.py rkd fitnets

Each recipe is trained as shipped, with --mix-cc and with --frozen-teacher, on
small toy images and without checkpoints. The results are printed as a table.
The command fails if a result differs from what tools/mmrazor_recipes expects.
With --mix-cc, the CC loss must be finite and give the first weight of the
student a gradient. Recipes whose packages are not installed are not tried:
those for detection and segmentation need the full mmcv and their toolboxes
(tools/setup_env.sh --full), and the recipe of DeiT needs timm.
"""
import argparse
import sys
import tempfile
import traceback
from contextlib import redirect_stdout
from pathlib import Path

import torch
from mmrazor_recipes.expected import FROZEN, MIXED, REFUSALS, WAYS
from mmrazor_recipes.names import (
    missing_requirement,
    recipes_with_a_distiller,
)
from mmrazor_recipes.pruned import use_pruned_checkpoint
from mmrazor_recipes.small import make_small
from mmrazor_recipes.toys import Toys
from mmrazor_recipes.training import losses_of, train

from mmcckd.config_files.component_types import bare_type
from mmcckd.engine.config_arguments import read_config
from mmcckd.engine.host_defaults import fill_in_preprocessor
from mmcckd.recipes import frozen_teacher, mix_cc


def run(recipe: str, way: str, toys: Toys) -> str:
    """Check a recipe, and return the text for its cell of the table.

    Raises:
        Exception: If the recipe fails or is not refused as expected.
    """
    fragment, reason = REFUSALS.get(recipe, {}).get(way, (None, None))
    try:
        cfg = read_config(f'mmrazor::{recipe}')
        fill_in_preprocessor(cfg)
        make_small(cfg, toys)
        if bare_type(cfg.model.architecture) == 'GroupFisherSubModel':
            use_pruned_checkpoint(cfg.model.architecture, toys)
        cfg.work_dir = str(toys.folder / 'work_dir')
        cfg.experiment_name = f'{Path(recipe).stem} {way}'
        if way == MIXED:
            cfg = mix_cc(cfg, samples_per_class=2)
        elif way == FROZEN:
            cfg = frozen_teacher(cfg)
    except ValueError as error:
        if fragment is not None and fragment in str(error):
            return f'refused: {reason}'
        raise
    if fragment is not None:
        raise AssertionError(f'Expected an error, since {reason}.')
    losses = losses_of(train(cfg))
    if (way == MIXED) != any(name.endswith('loss_cc') for name in losses):
        raise AssertionError(
            f'loss_cc must be logged only with {MIXED}, but the '
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
        recipe for recipe in recipes_with_a_distiller()
        if not names or any(name in recipe for name in names)
    ]
    if not recipes:
        parser.error(f'MMRazor has no recipe with {" or ".join(names)}.')
    failures = 0
    print(f'| recipe | {" | ".join(WAYS)} |\n|{"---|" * (1 + len(WAYS))}')
    with tempfile.TemporaryDirectory() as folder:
        toys = Toys(Path(folder))
        for recipe in recipes:
            missing = missing_requirement(recipe)
            row = []
            for way in WAYS:
                if missing:
                    row.append(f'not tried: needs {missing}')
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


if __name__ == '__main__':
    main()
