"""Let MMPretrain's hooks work beside a distillation and a batch sampler.

They take ``runner.model`` for the classifier, but in a distillation that is
its student; ``PreciseBNHook`` asks the loader for a ``batch_size``, which is
None beside a batch sampler, and with fewer samples than a batch it averages
nothing, and sets all statistics to zero.

Can be deleted when MMPretrain's hooks look for the classifier in the model,
and for the batch's size in the batch sampler.
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
    """Wrap what does not find it, once a process."""
    # once MMPretrain can be imported
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
    """A runner whose model is the student alone."""

    def __init__(self, runner) -> None:
        self._runner = runner
        self.model = _student(runner.model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


def _student(model: nn.Module) -> nn.Module:
    """Of a distillation; another model is returned as it is."""
    if is_model_wrapper(model):
        model = model.module
    return getattr(model, 'student', model)


def _of_student(method: Callable) -> Callable:
    """The method of a hook, given a runner of the student."""
    position = list(inspect.signature(method).parameters).index('runner')

    @functools.wraps(method)
    def with_student(*args):
        args = list(args)
        if not _is_found(args[0], args[position].model):
            args[position] = _StudentRunner(args[position])
        return method(*args)

    return with_student


def _is_found(hook: Any, model: nn.Module) -> bool:
    """Whether a WarmupParamHook names a module by its place in the model."""
    getter = getattr(hook, 'module_getter', attrgetter('head'))
    if is_model_wrapper(model):
        model = model.module
    try:
        getter(model)
    except AttributeError:
        return False
    return True


def _check_classes(self, runner, dataset: Dataset) -> None:
    """ClassNumCheckHook, of the student and of wrapped data sets.

    Raises:
        ValueError: If a module is made for another number of classes.
    """
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if classes is None:
        runner.logger.warning(
            f'ClassNumCheckHook checks nothing: {type(dataset).__name__} does '
            'not name its classes (metainfo).')
        return
    for name, module in _classifiers(runner.model):
        if module.num_classes != len(classes):
            raise ValueError(
                f'{name or "The model"} ({type(module).__name__}) has '
                f'num_classes={module.num_classes}, but the data set, '
                f'{type(dataset).__name__}, has {len(classes)} classes.')


def _classifiers(model: nn.Module) -> Iterator:
    """The modules that are made for a number of classes, by their names."""
    if is_model_wrapper(model):
        model = model.module
    parts = dict(_student(model).named_modules())
    if 'data_preprocessor' in dict(model.named_children()):
        parts['data_preprocessor'] = model.data_preprocessor
    for name, module in parts.items():
        # Backbones without a classifier say None or -1.
        if (getattr(module, 'num_classes', None) or -1) > 0:
            yield name, module


def _check_num_samples(self, runner) -> None:
    """Raise before the first iteration if PreciseBNHook would average none."""
    step = _batch_size(runner.train_dataloader) * get_world_size()
    if self.num_samples < step:
        raise ValueError(
            f'PreciseBNHook got num_samples={self.num_samples}, fewer than '
            f'the {step} of an iteration; give it at least as many.')


def _batch_size(loader: DataLoader) -> int:
    for owner in (loader, loader.batch_sampler):
        if getattr(owner, 'batch_size', None) is not None:
            return owner.batch_size
    raise ValueError(
        'PreciseBNHook counts batches, but neither the data loader nor its '
        f'batch sampler, a {type(loader.batch_sampler).__name__}, has a '
        'batch_size; leave the hook out of custom_hooks.')


def _with_batch_size(update_bn_stats: Callable) -> Callable:

    @functools.wraps(update_bn_stats)
    def update(model, loader, *args, **kwargs):
        return update_bn_stats(model, _SizedLoader(loader), *args, **kwargs)

    return update


class _SizedLoader:
    """A loader that knows its batch size."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader
        self.batch_size = _batch_size(loader)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator:
        return iter(self.loader)
