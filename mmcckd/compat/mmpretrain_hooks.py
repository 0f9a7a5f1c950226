"""Use MMPretrain's hooks with a distillation and with a batch sampler.

The hooks expect a classifier as ``runner.model``, but in a distillation the
classifier is the student of that model. ``PreciseBNHook`` reads the
``batch_size`` of the data loader, which is None if there is a batch sampler.
With fewer samples than one batch, it averages nothing and sets all statistics
to zero.

Can be deleted when MMPretrain's hooks look for the classifier in the model,
and for the batch size in the batch sampler.
"""
import functools
import inspect
from operator import attrgetter
from typing import Any, Callable, Iterator

from mmengine.dist import get_world_size
from mmengine.model import is_model_wrapper
from torch import nn
from torch.utils.data import DataLoader, Dataset


def apply_hooks_to_student() -> None:
    """Patch the hooks that do not find the student, once per process."""
    # Imported here, since MMPretrain must be importable first.
    from mmpretrain.engine import hooks
    from mmpretrain.engine.hooks import precise_bn_hook
    if hooks.ClassNumCheckHook._check_head is _check_classes:
        return
    hooks.PreciseBNHook.before_train = _check_num_samples
    precise_bn_hook.update_bn_stats = _with_batch_size(
        precise_bn_hook.update_bn_stats)
    hooks.ClassNumCheckHook._check_head = _check_classes
    hooks.SwitchRecipeHook._switch_loss = staticmethod(
        _of_student(hooks.SwitchRecipeHook._switch_loss))
    for cls, names in ((hooks.SetAdaptiveMarginsHook, ['before_train']),
                       (hooks.WarmupParamHook, ['get_param', 'set_param'])):
        for name in names:
            setattr(cls, name, _of_student(getattr(cls, name)))


class _StudentRunner:
    """A runner with the student as its model."""

    def __init__(self, runner) -> None:
        self._runner = runner
        self.model = _student(runner.model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


def _student(model: nn.Module) -> nn.Module:
    """Return the student of a distillation, or any other model itself."""
    if is_model_wrapper(model):
        model = model.module
    return getattr(model, 'student', model)


def _of_student(method: Callable) -> Callable:
    """Wrap a method of a hook so that it gets a runner of the student."""
    position = list(inspect.signature(method).parameters).index('runner')

    @functools.wraps(method)
    def with_student(*args):
        args = list(args)
        if not _is_found(args[0], args[position].model):
            args[position] = _StudentRunner(args[position])
        return method(*args)

    return with_student


def _is_found(hook: Any, model: nn.Module) -> bool:
    """Whether the hook finds its module in the model itself.

    ``WarmupParamHook`` may name the module by its path in the distillation.
    """
    getter = getattr(hook, 'module_getter', attrgetter('head'))
    if is_model_wrapper(model):
        model = model.module
    try:
        getter(model)
    except AttributeError:
        return False
    return True


def _check_classes(self, runner, dataset: Dataset) -> None:
    """Check numbers of classes, also for students and wrapped data sets.

    Replaces ``ClassNumCheckHook._check_head``.

    Raises:
        ValueError: If a module has another number of classes than the data
            set.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if classes is None:
        runner.logger.warning(
            f'ClassNumCheckHook checks nothing: {type(dataset).__name__} has '
            'no classes in its metainfo.')
        return
    for name, module in _classifiers(runner.model):
        if module.num_classes != len(classes):
            raise ValueError(
                f'{name or "The model"} ({type(module).__name__}) has '
                f'num_classes={module.num_classes}, but the data set, '
                f'{type(dataset).__name__}, has {len(classes)} classes.')


def _classifiers(model: nn.Module) -> Iterator:
    """Yield name and module of every module with a number of classes."""
    if is_model_wrapper(model):
        model = model.module
    parts = dict(_student(model).named_modules())
    if 'data_preprocessor' in dict(model.named_children()):
        parts['data_preprocessor'] = model.data_preprocessor
    for name, module in parts.items():
        # Backbones without a classifier have num_classes=None or -1.
        if (getattr(module, 'num_classes', None) or -1) > 0:
            yield name, module


def _check_num_samples(self, runner) -> None:
    """Raise if PreciseBNHook has less than one batch to average over."""
    step = _batch_size(runner.train_dataloader) * get_world_size()
    if self.num_samples < step:
        raise ValueError(
            f'PreciseBNHook has num_samples={self.num_samples}, but an '
            f'iteration has {step} samples; set num_samples to at least '
            f'{step}.')


def _batch_size(loader: DataLoader) -> int:
    for owner in (loader, loader.batch_sampler):
        if getattr(owner, 'batch_size', None) is not None:
            return owner.batch_size
    raise ValueError(
        'PreciseBNHook needs the batch size, but neither the data loader nor '
        f'its batch sampler, a {type(loader.batch_sampler).__name__}, has a '
        'batch_size; remove the hook from custom_hooks.')


def _with_batch_size(update_bn_stats: Callable) -> Callable:

    @functools.wraps(update_bn_stats)
    def update(model, loader, *args, **kwargs):
        return update_bn_stats(model, _SizedLoader(loader), *args, **kwargs)

    return update


class _SizedLoader:
    """A data loader with a ``batch_size``, also if it has a batch sampler."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader
        self.batch_size = _batch_size(loader)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator:
        return iter(self.loader)
