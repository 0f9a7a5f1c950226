import logging
from collections import OrderedDict

import torch
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS, MODELS
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from mmcckd.config_files.without_weights import without_weights
from mmcckd.files.checkpoints import weights_of
from mmcckd.models.algorithms.student_checkpoint import (
    fit_state_dict,
    match_names,
)

# Keys that the checkpoints of a run have in addition to the weights.
RESUMED = ('meta', 'message_hub')
AVERAGED = 'module.'  # prefix of weights in MMEngine's averaged model


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Raise an error if a checkpoint does not fit the model.

    From ``load_from``, ``--resume`` and the checkpoint of a test, MMEngine
    loads the weights that fit. With this hook, all weights must fit; otherwise
    there is an error before the first iteration. For weights of a student
    only, and for those of other distillations, see :func:`.fit_state_dict`.
    A run is resumed only from a checkpoint of the same model.

    The command lines in ``tools/`` register the hook for every config. For
    other runners, use ``custom_hooks=[dict(type='StrictCheckpointHook')]``.
    """

    priority = 'VERY_HIGH'  # before EMAHook, which also loads the weights

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        filename = runner._load_from or f'in {runner.work_dir}'
        if runner._has_loaded:  # loaded by user code, from an unknown file
            filename = 'that is loaded'
        model = _model(runner)
        weights = weights_of(checkpoint, f'The checkpoint {filename}')
        if runner._resume:
            _check_resumable(model, checkpoint, weights, filename)
            _warn_of_fresh_starts(runner, checkpoint, filename)
        checkpoint['state_dict'] = fit_state_dict(model, weights, filename)
        if 'ema_state_dict' not in checkpoint:
            return
        if isinstance(runner.model, BaseTTAModel):
            # The names do not fit those of EMAHook. The averaged weights are
            # in state_dict.
            del checkpoint['ema_state_dict']
        elif checkpoint['state_dict'] is not weights:
            checkpoint['ema_state_dict'] = _rename_average(
                model, checkpoint['ema_state_dict'])


def _model(runner) -> nn.Module:
    """Return the model into which MMEngine loads, or an equal model."""
    model = runner.model
    if any(isinstance(module, FullyShardedDataParallel)
           for module in model.modules()):
        # The weights are shards, with other names and shapes.
        with torch.random.fork_rng(devices=[]):
            return MODELS.build(without_weights(runner.cfg.model))
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def _check_resumable(model, checkpoint: dict, weights: dict,
                     filename: str) -> None:
    missing = [name for name in RESUMED if name not in checkpoint]
    if missing:
        wrong = (f'it has no {" and no ".join(missing)}, which a run saves '
                 'with its weights')
    elif match_names(model, weights)[0] is not weights:
        wrong = 'it belongs to another model than that of the config'
    else:
        return
    raise ValueError(
        f'The checkpoint {filename} cannot be resumed from: {wrong}. To start '
        f'a new run from its weights, set load_from={filename!r} and remove '
        '--resume.')


def _warn_of_fresh_starts(runner, checkpoint: dict, filename: str) -> None:
    """Warn about missing states, without which MMEngine resumes silently."""
    found = []
    if 'optimizer' not in checkpoint:
        found.append('no state of the optimizer, which is reset')
    if runner.param_schedulers and 'param_schedulers' not in checkpoint:
        found.append('no state of the parameter schedulers, which start from '
                     'the beginning')
    if 'ema_state_dict' in checkpoint and not any(
            isinstance(hook, EMAHook) for hook in runner.hooks):
        found.append('weights averaged by an EMAHook, with which training '
                     'continues, since the config has no EMAHook')
    if found:
        print_log(
            f'{filename} has {"; and it has ".join(found)}. The resumed run '
            'will differ from an uninterrupted run.',
            logger='current',
            level=logging.WARNING)


def _rename_average(model, state_dict: dict) -> dict:
    """Rename the weights of an ``ema_state_dict`` to those of the model."""
    weights, rest = OrderedDict(), OrderedDict()
    for name, tensor in state_dict.items():
        if name.startswith(AVERAGED):
            weights[name[len(AVERAGED):]] = tensor
        else:
            rest[name] = tensor  # the number of steps
    weights, _ = match_names(model, weights)
    rest.update((AVERAGED + name, tensor) for name, tensor in weights.items())
    return rest
