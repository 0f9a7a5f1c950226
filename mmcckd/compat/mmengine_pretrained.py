"""Refuse ``init_cfg=dict(type='Pretrained')`` if no weight fits.

MMEngine 0.10.7 loads the weights that fit and logs the other keys. If no
weight fits, for example if the checkpoint of a complete classifier is given
for a backbone, it trains from random weights. A checkpoint that fits in part
is accepted, since this is needed for fine-tuning with another head, and
MMEngine warns about the other keys.

Can be deleted when MMEngine raises an error.
"""
import functools
from collections import Counter
from typing import List

from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from torch import nn

from mmcckd.loaded_weights import watch_loading


def check_pretrained_init() -> None:
    """Make ``PretrainedInit`` raise ``ValueError`` if no weight fits."""
    init = PretrainedInit.__call__
    if hasattr(init, '__wrapped__'):
        return

    @functools.wraps(init)
    def load(self, module: nn.Module) -> None:
        with watch_loading() as loaded:
            try:
                init(self, module)
            except AssertionError as error:  # no key has the prefix
                raise ValueError(_message(self, module)) from error
        has_weights = next(module.parameters(), None) is not None
        # Buffers do not count: num_batches_tracked fits any width.
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
    advice = ('Give a checkpoint of this model, or remove init_cfg to start '
              'from random weights.')
    better = _prefixes(own, names)
    if better and better[0] != (init.prefix or '').rstrip('.'):
        advice = (f'The names fit with prefix={better[0]!r} in init_cfg.'
                  if better[0] else 'The names fit without a prefix.')
    return (
        f"init_cfg=dict(type='Pretrained', checkpoint={init.checkpoint!r}"
        f'{prefix}) has no weight that fits the {type(module).__name__}, '
        'which would start from random weights: expected names such as '
        f'{own[0]}, but found {", ".join(found[:10])}, or weights of other '
        f'shapes. {advice}')


def _prefixes(own: List[str], names: List[str]) -> List[str]:
    """Find prefixes with which names in a checkpoint fit the model.

    Only prefixes that fit more than half of the model's weights are returned,
    best first.
    """
    own = set(own)
    counts = Counter()
    for name in names:
        parts = name.split('.')
        for i in range(len(parts)):
            if '.'.join(parts[i:]) in own:
                counts['.'.join(parts[:i])] += 1
    return [prefix for prefix, count in counts.most_common()
            if count > len(own) / 2]
