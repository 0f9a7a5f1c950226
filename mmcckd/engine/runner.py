"""Build the runner that a config asks for."""
from typing import Any, Iterator, Union

import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, Runner
from torch import nn

from mmcckd.models.algorithms.mmrazor_algorithms import match_images

from .checkpoint_checks import load_strictly
from .hooks import ClassCheckHook

STRATEGIES = ('SingleDeviceStrategy', 'DDPStrategy', 'FSDPStrategy')
# What Runner reads from a config, and FlexibleRunner does not.
NOT_READ = ('activation_checkpointing', 'compile', 'efficient_conv_bn_eval',
            'find_unused_parameters', 'sync_bn')


def build_runner(cfg: Config) -> Union[Runner, FlexibleRunner]:
    """Build MMEngine's ``Runner``, or the one that ``runner_type`` names.

    It checks what MMEngine and MMRazor do not: that what it loads fits
    (:func:`.load_strictly`), that a teacher of MMRazor's algorithms gets the
    images that it expects (:func:`.match_images`), and that the labels are of
    the classes of the head (:class:`.ClassCheckHook`).

    ``runner_type='FlexibleRunner'`` takes a ``strategy``. A distillation was
    tried with :data:`STRATEGIES`, and is refused with others. On FSDP's shards
    it saves whole checkpoints, unless ``state_dict_cfg`` says otherwise. The
    teacher is not sharded: each rank has it whole.

    Args:
        cfg (Config): The config of a run. Without a GPU, the strategy is told
            so, as ``init_distributed`` tells ``model_wrapper_cfg``.

    Raises:
        ValueError: If there is a ``strategy`` that no runner reads, a
            distillation cannot be trained by it, or as the checks say.
    """
    runner = _build(cfg)
    runner.register_hook(ClassCheckHook())
    if isinstance(runner.model, nn.Module):  # FlexibleRunner's is built later
        match_images(runner.model)
    load_strictly(runner)
    return runner


def _build(cfg: Config) -> Union[Runner, FlexibleRunner]:
    if cfg.get('runner_type') is None:
        if cfg.get('strategy') is not None:
            raise ValueError(
                f'The config has strategy={_type(cfg.strategy)}, which only '
                "a FlexibleRunner reads: add runner_type='FlexibleRunner', or "
                'leave the strategy out.')
        return Runner.from_cfg(cfg)
    if _bare(cfg.runner_type) == 'FlexibleRunner' and 'distiller' in cfg.model:
        _prepare_strategy(cfg)
    return RUNNERS.build(cfg)


def _prepare_strategy(cfg: Config) -> None:
    if cfg.get('strategy') is None:  # what FlexibleRunner would choose
        cfg.strategy = dict(
            type='SingleDeviceStrategy' if cfg.get('launcher', 'none') ==
            'none' else 'DDPStrategy')
    strategy, kind = cfg.strategy, _type(cfg.strategy)
    if _type(cfg.model) != 'FrozenTeacherDistill':
        raise ValueError(
            f'runner_type=FlexibleRunner with {_type(cfg.model)}: only '
            'FrozenTeacherDistill was tried with it. Give --frozen-teacher, '
            'or leave runner_type and strategy out.')
    if kind not in STRATEGIES:
        raise ValueError(
            f'strategy={kind}: a distillation runs by {", ".join(STRATEGIES)} '
            'of MMEngine; others were not tried with a teacher, which is '
            'outside of the module tree. For shards use FSDPStrategy, '
            'otherwise leave runner_type and strategy out.')
    not_read = [name for name in NOT_READ if cfg.get(name)]
    if not_read:
        raise ValueError(
            f'FlexibleRunner does not read {", ".join(not_read)} of a config; '
            "leave it out, give the strategy's argument if it has one, or "
            'leave runner_type and strategy out.')
    if kind == 'SingleDeviceStrategy':
        return
    if any(kind == 'EMAHook' for kind in _hooks(cfg)):
        raise ValueError(
            f'EMAHook with {kind}: MMEngine cannot save the averages of a '
            'model that this strategy wraps. Leave the hook out, or '
            'runner_type and strategy.')
    if kind == 'DDPStrategy':
        if cfg.get('model_wrapper_cfg') is not None:
            strategy.setdefault('model_wrapper', cfg.model_wrapper_cfg)
        return
    if cfg.get('resume'):
        raise ValueError(
            '--resume with FSDPStrategy: MMEngine 0.10.7 cannot give the '
            "optimizer's state back to shards on torch >= 2.1. Start a new "
            'run from the weights, by load_from, or use DDPStrategy.')
    optim_wrapper = cfg.optim_wrapper
    for name, value in (('clip_grad', None), ('accumulative_counts', 1)):
        if optim_wrapper.get(name, value) != value:
            raise ValueError(
                f'optim_wrapper.{name} with FSDPStrategy: MMEngine reads '
                "gradients as if each rank's shard were all. Leave it out, or "
                'use DDPStrategy.')
    strategy.setdefault('state_dict_cfg', 'full')
    strategy.setdefault('model_wrapper',
                        dict(type='MMFullyShardedDataParallel'))
    wrapper = strategy.model_wrapper
    if wrapper.get('mixed_precision') and not cfg.model.get('teacher_dtype'):
        raise ValueError(
            'strategy.model_wrapper.mixed_precision casts the images, and the '
            'teacher is not sharded: give it a precision too, such as '
            "model.teacher_dtype='bfloat16'.")
    if not torch.cuda.is_available():
        wrapper.setdefault('device_id', 'cpu')


def _hooks(cfg: Config) -> Iterator[str]:
    for hook in (*(cfg.get('custom_hooks') or ()),
                 *(cfg.get('default_hooks') or {}).values()):
        if hook is not None:
            yield _type(hook)


def _type(component: Any) -> str:
    """The type of a component, or of its config, without its scope."""
    kind = component.get('type') if isinstance(component, dict) else type(
        component)
    return _bare(kind)


def _bare(kind: Any) -> str:
    return getattr(kind, '__name__', str(kind)).rpartition('.')[2]
