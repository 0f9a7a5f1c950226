"""Refuse an ``init_cfg=dict(type='Pretrained')`` that fits nothing.

MMEngine 0.10.7 loads what fits, logs the rest, and trains from random weights
if that is all: with a checkpoint of a whole classifier for a backbone, for
one. A part that fits is left alone, since fine-tuning with another head is
just that, and MMEngine warns of the keys.

Can be deleted when MMEngine refuses it.
"""
import functools
from collections import Counter
from typing import List

from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import nn

from mmcckd.loaded_weights import watch_loading


def check_pretrained_init() -> None:
    """Have MMEngine's initializer raise ``ValueError`` then."""
    init = PretrainedInit.__call__
    if hasattr(init, '__wrapped__'):
        return

    @functools.wraps(init)
    def load(self, module: nn.Module) -> None:
        with watch_loading() as loaded:
            try:
                init(self, module)
            except AssertionError as error:  # none has the prefix
                raise ValueError(_message(self, module)) from error
        has_weights = next(module.parameters(), None) is not None
        # Numbers of batches fit in networks of any width.
        if has_weights and not any(
                name in each._parameters for each, name in loaded):
            raise ValueError(_message(self, module))

    PretrainedInit.__call__ = load


def _message(init: PretrainedInit, module: nn.Module) -> str:
    checkpoint = CheckpointLoader.load_checkpoint(
        init.checkpoint, map_location='cpu', logger='silent')
    names = list(checkpoint.get('state_dict', checkpoint))
    prefix = f', prefix={init.prefix!r}' if init.prefix else ''
    found = sorted({f'{name.split(".")[0]}.*' for name in names})
    own = [name for name, _ in module.named_parameters()]
    advice = ('Give the checkpoint of this very model, or leave init_cfg out '
              'to start from random weights.')
    better = _prefixes(own, names)
    if better and better[0] != (init.prefix or '').rstrip('.'):
        advice = (f'Its names fit with prefix={better[0]!r} in init_cfg.'
                  if better[0] else 'Its names fit without a prefix.')
    return (
        f"init_cfg=dict(type='Pretrained', checkpoint={init.checkpoint!r}"
        f'{prefix}) has no weight that fits the {type(module).__name__}, '
        'which would start from random weights: expected names such as '
        f'{own[0]}, but found {", ".join(found[:10])}, or other shapes. '
        f'{advice}')


def _prefixes(own: List[str], names: List[str]) -> List[str]:
    """Behind which the names in a checkpoint are the model's own, the best
    first."""
    own = set(own)
    counts = Counter()
    for name in names:
        parts = name.split('.')
        for i in range(len(parts)):
            if '.'.join(parts[i:]) in own:
                counts['.'.join(parts[:i])] += 1
    return [prefix for prefix, count in counts.most_common()
            if count > len(own) / 2]
