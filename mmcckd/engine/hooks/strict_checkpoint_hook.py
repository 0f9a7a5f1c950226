import logging
from collections import OrderedDict

import torch
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.registry import HOOKS, MODELS
from torch import nn
from torch.distributed.fsdp import FullyShardedDataParallel

from mmcckd.files.checkpoints import weights_of
from mmcckd.models.algorithms.student_checkpoint import arrange, fit_state_dict
from mmcckd.recipes.networks import without_weights

# What a run's own checkpoint has beside its weights.
RESUMED = ('meta', 'message_hub')
AVERAGED = 'module.'  # where MMEngine's averaged model keeps the network


@HOOKS.register_module()
class StrictCheckpointHook(Hook):
    """Let the runner load checkpoints that fit the model, and no others.

    ``load_from``, ``--resume`` and the checkpoint of a test are loaded by
    MMEngine as far as they fit. With this hook they fit as a whole, or there
    is an error before the first iteration. For weights of the student alone,
    and for those of other distillations, see :func:`.fit_state_dict`. Only the
    very model of a run is resumed.

    The command lines in ``tools/`` register it for every config. Another
    runner takes it as ``custom_hooks=[dict(type='StrictCheckpointHook')]``.
    """

    priority = 'VERY_HIGH'  # before EMAHook, which takes the weights too

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        filename = runner._load_from or f'in {runner.work_dir}'
        if runner._has_loaded:  # by a hook of the user's, from anywhere
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
            # EMAHook finds none of its names in there. The averaged weights
            # are those at state_dict.
            del checkpoint['ema_state_dict']
        elif checkpoint['state_dict'] is not weights:
            checkpoint['ema_state_dict'] = _arrange_average(
                model, checkpoint['ema_state_dict'])


def _model(runner) -> nn.Module:
    """The model as MMEngine loads it, or one like it."""
    model = runner.model
    if any(isinstance(module, FullyShardedDataParallel)
           for module in model.modules()):
        # Its weights are shards, of other names and shapes.
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
                 'beside its weights')
    elif arrange(model, weights)[0] is not weights:
        wrong = 'it is of another model than that of the config'
    else:
        return
    raise ValueError(
        f'The checkpoint {filename} cannot be resumed from: {wrong}. To start '
        f'a new run from its weights, set load_from={filename!r} and leave '
        'out --resume.')


def _warn_of_fresh_starts(runner, checkpoint: dict, filename: str) -> None:
    """MMEngine goes on without these."""
    found = []
    if 'optimizer' not in checkpoint:
        found.append('no state of the optimizer, which starts anew')
    if runner.param_schedulers and 'param_schedulers' not in checkpoint:
        found.append('no state of the schedules of the learning rate and '
                     'the like, which start from their beginning')
    if 'ema_state_dict' in checkpoint and not any(
            isinstance(hook, EMAHook) for hook in runner.hooks):
        found.append('weights that an EMAHook averaged, from which the run '
                     'goes on, since its config has no EMAHook')
    if found:
        print_log(
            f'{filename} has {"; and it has ".join(found)}. This is not how '
            'the undisturbed run would have gone on.',
            logger='current',
            level=logging.WARNING)


def _arrange_average(model, state_dict: dict) -> dict:
    """The ``ema_state_dict`` of a checkpoint by the names of the model."""
    weights, rest = OrderedDict(), OrderedDict()
    for name, tensor in state_dict.items():
        if name.startswith(AVERAGED):
            weights[name[len(AVERAGED):]] = tensor
        else:
            rest[name] = tensor  # the number of steps
    weights, _ = arrange(model, weights)
    rest.update((AVERAGED + name, tensor) for name, tensor in weights.items())
    return rest
