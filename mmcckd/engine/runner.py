"""Build the runner of a config."""
from typing import Any, Iterator, Union

import torch
from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import FlexibleRunner, Runner
from torch import nn

from mmcckd.config_files.component_types import bare_name, bare_type
from mmcckd.models.algorithms.mmrazor_algorithms import match_images

from .checkpoint_checks import load_strictly
from .hooks import (
    ClassCheckHook,
    FiniteWeightsHook,
    LogHistoryHook,
    ResumedValidationHook,
    SaveOnSigtermHook,
    TeacherStoreHook,
)
from .host_memory import keep_freed_memory
from .worker_signals import keep_workers_on_sigterm

STRATEGIES = ('SingleDeviceStrategy', 'DDPStrategy', 'FSDPStrategy')
# Keys of a config that Runner reads, but FlexibleRunner does not.
NOT_READ = ('activation_checkpointing', 'compile', 'efficient_conv_bn_eval',
            'find_unused_parameters', 'sync_bn')


def build_runner(cfg: Config) -> Union[Runner, FlexibleRunner]:
    """Build MMEngine's ``Runner``, or the runner of ``runner_type``.

    In addition to the checks of MMEngine and MMRazor, it ensures that
    checkpoints fit (:func:`.load_strictly`), that teachers of MMRazor's
    algorithms get the images that they expect (:func:`.match_images`), that
    labels fit the head (:class:`.ClassCheckHook`), and that a training that
    diverges is an error (:class:`.FiniteWeightsHook`). A training that
    receives SIGTERM is saved before it ends (:class:`.SaveOnSigtermHook`). A
    validation that was missed is made up for on resume
    (:class:`.ResumedValidationHook`). The history of logged values is limited
    (:class:`.LogHistoryHook`). If the model has a ``teacher_store``,
    :class:`.TeacherStoreHook` opens it before training.
    Without a GPU, the process keeps freed memory (:func:`.keep_freed_memory`).

    ``runner_type='FlexibleRunner'`` reads a ``strategy``. For distillation,
    :data:`STRATEGIES` are supported. With FSDP, checkpoints contain the
    complete weights unless ``state_dict_cfg`` is set. The teacher is not
    sharded; each rank has the complete teacher.

    Args:
        cfg (Config): The config of a run. Defaults of the strategy are added
            to it; without a GPU, FSDP uses the CPU.

    Returns:
        Runner | FlexibleRunner: The runner, which has not started yet.

    Raises:
        ValueError: If no runner reads the ``strategy``, it does not support
            the distillation, or one of the checks fails.
    """
    if not torch.cuda.is_available():
        keep_freed_memory()
    keep_workers_on_sigterm()
    runner = _build(cfg)
    runner.register_hook(ClassCheckHook())
    runner.register_hook(FiniteWeightsHook())
    runner.register_hook(LogHistoryHook())
    runner.register_hook(SaveOnSigtermHook())
    runner.register_hook(ResumedValidationHook())
    if cfg.model.get('teacher_store') is not None and (
            'TeacherStoreHook' not in _hooks(cfg)):
        runner.register_hook(TeacherStoreHook())
    # A FlexibleRunner builds its model later.
    if isinstance(runner.model, nn.Module):
        match_images(runner.model)
    load_strictly(runner)
    return runner


def _build(cfg: Config) -> Union[Runner, FlexibleRunner]:
    if cfg.get('runner_type') is None:
        if cfg.get('strategy') is not None:
            raise ValueError(
                f'The config has strategy={_type(cfg.strategy)}, which only '
                "a FlexibleRunner reads: add runner_type='FlexibleRunner', or "
                'remove the strategy.')
        return Runner.from_cfg(cfg)
    is_flexible = bare_name(cfg.runner_type) == 'FlexibleRunner'
    if is_flexible and 'distiller' in cfg.model:
        _prepare_strategy(cfg)
    return RUNNERS.build(cfg)


def _prepare_strategy(cfg: Config) -> None:
    if cfg.get('strategy') is None:  # the default of FlexibleRunner
        cfg.strategy = dict(
            type='SingleDeviceStrategy' if cfg.get('launcher', 'none') ==
            'none' else 'DDPStrategy')
    strategy, kind = cfg.strategy, _type(cfg.strategy)
    if _type(cfg.model) != 'FrozenTeacherDistill':
        raise ValueError(
            f'runner_type=FlexibleRunner with {_type(cfg.model)}: only '
            'FrozenTeacherDistill is supported. Use --frozen-teacher, or '
            'remove runner_type and strategy.')
    if kind not in STRATEGIES:
        raise ValueError(
            f'strategy={kind}: distillation supports {", ".join(STRATEGIES)} '
            'of MMEngine; other strategies were not tested with a teacher '
            'outside of the module tree. For sharding, use FSDPStrategy; '
            'otherwise, remove runner_type and strategy.')
    not_read = [name for name in NOT_READ if cfg.get(name)]
    if not_read:
        raise ValueError(
            f'FlexibleRunner does not read {", ".join(not_read)} from a '
            'config; remove it, use an argument of the strategy if there is '
            'one, or remove runner_type and strategy.')
    if kind == 'SingleDeviceStrategy':
        return
    if any(kind == 'EMAHook' for kind in _hooks(cfg)):
        raise ValueError(
            f'EMAHook with {kind}: MMEngine cannot save the averages of a '
            'model that this strategy wraps. Remove the hook, or remove '
            'runner_type and strategy.')
    if kind == 'DDPStrategy':
        if cfg.get('model_wrapper_cfg') is not None:
            strategy.setdefault('model_wrapper', cfg.model_wrapper_cfg)
        return
    if cfg.get('resume'):
        raise ValueError(
            '--resume with FSDPStrategy: MMEngine 0.10.7 cannot restore the '
            'optimizer state of shards with torch >= 2.1. Start a new run '
            'from the weights with load_from, or use DDPStrategy.')
    optim_wrapper = cfg.optim_wrapper
    for name, value in (('clip_grad', None), ('accumulative_counts', 1)):
        if optim_wrapper.get(name, value) != value:
            raise ValueError(
                f'optim_wrapper.{name} with FSDPStrategy: MMEngine does not '
                'consider that each rank has only a shard of the gradients. '
                'Remove it, or use DDPStrategy.')
    strategy.setdefault('state_dict_cfg', 'full')
    strategy.setdefault('model_wrapper',
                        dict(type='MMFullyShardedDataParallel'))
    wrapper = strategy.model_wrapper
    if wrapper.get('mixed_precision') and not cfg.model.get('teacher_dtype'):
        raise ValueError(
            'strategy.model_wrapper.mixed_precision converts the images, but '
            'not the teacher, which is not sharded: also set a dtype for the '
            "teacher, such as model.teacher_dtype='bfloat16'.")
    if not torch.cuda.is_available():
        wrapper.setdefault('device_id', 'cpu')


def _hooks(cfg: Config) -> Iterator[str]:
    for hook in (*(cfg.get('custom_hooks') or ()),
                 *(cfg.get('default_hooks') or {}).values()):
        if hook is not None:
            yield _type(hook)


def _type(component: Any) -> str:
    """Return the type of a component or its config, without the scope."""
    if isinstance(component, dict):
        return bare_type(component)
    return type(component).__name__
