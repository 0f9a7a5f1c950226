from itertools import islice
from typing import Any, Optional

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.utils.data import DataLoader, IterableDataset, Sampler

from mmcckd.datasets.repeatable_pipeline import check_batches, check_pipeline
from mmcckd.datasets.repeatable_views import (
    RepeatableViews,
    preserved_generators,
)
from mmcckd.models.algorithms.batch_mixing import batch_augment_names

from ..unwrapped_model import unwrapped

# Hooks of MMPretrain and MMDetection that change the pipeline on the way.
SWITCHES = ('SwitchRecipeHook', 'PipelineSwitchHook', 'YOLOXModeSwitchHook')


@HOOKS.register_module()
class RepeatableViewsHook(Hook):
    """Train with a fixed number of repeatable views of each sample.

    A view is one random augmentation of a sample. It depends only on the seed,
    the index of the sample and the number of the view. Epoch e shows view
    ``e % views`` of every sample. The number of workers and ranks, the batches
    and their order, and resuming have no influence. See
    :class:`.RepeatableViews`.

    In loops that count iterations, an epoch is one pass through the data.

    A sample that the sampler repeats within an epoch is shown in the same view
    each time.

    The hook can be used together with :class:`.EpochSeedHook`, which then
    determines the randomness of the model only, such as dropout.

    Args:
        views (int): The number of views of each sample, at least 1.
        seed (int): Seed of the views. It is independent of the seed of the
            run, so that runs with different seeds can have the same views.
            Defaults to 0.

    Raises:
        TypeError: If ``views`` or ``seed`` is not an int.
        ValueError: Before the first iteration, if the batches mix samples
            (Mixup, CutMix and other batch augmentations); if the pipeline
            has random generators of its own or is changed during the
            training; or if the sampler yields indices that are not in the
            data set, repeats samples to augment them differently, or does not
            end.
    """

    priority = 'HIGH'  # after EpochSeedHook, whose __getitems__ it replaces

    def __init__(self, views: int, seed: int = 0) -> None:
        RepeatableViews(None, views, seed)  # checks the arguments
        self.views = views
        self.seed = seed
        self.items: Optional[RepeatableViews] = None

    def before_train(self, runner: Runner) -> None:
        """Check the data and the model, and load views from now on."""
        loop = runner.train_loop
        loader = loop.dataloader
        _check_loader(loader)
        self._check_augmentation(runner)
        self.items = RepeatableViews(loader.dataset, self.views, self.seed)
        if _counts_iterations(loop):
            self._follow(_sampler_with_passes(loader))
        self._check_sampler(loader)
        check_pipeline(self.items)
        check_batches(self.items, loader.collate_fn,
                      getattr(
                          unwrapped(runner.model), 'data_preprocessor', None))
        loader.dataset.__getitems__ = self.items
        loader._iterator = None  # persistent workers that have started

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the view; in a loop that counts iterations, start loading."""
        loop = runner.train_loop
        if _counts_iterations(loop):
            # Its first batches were loaded when it was built.
            loop.dataloader_iterator = type(loop.dataloader_iterator)(
                loop.dataloader)
        else:
            self.items.epoch.fill_(runner.epoch)

    def _follow(self, sampler: Sampler) -> None:
        """Set the epoch of the views with that of a sampler.

        MMEngine sets it when a pass ends, before it starts the next one.
        """
        set_epoch = sampler.set_epoch

        def set_both(epoch: int) -> None:
            set_epoch(epoch)
            self.items.epoch.fill_(epoch)

        sampler.set_epoch = set_both

    def _check_augmentation(self, runner: Runner) -> None:
        names = batch_augment_names(
            getattr(unwrapped(runner.model), 'data_preprocessor', None))
        if names:
            raise ValueError(
                f'The batches are mixed with {" and ".join(names)}, so an '
                'image depends on the other images of its batch, and the '
                'views of a sample cannot be repeated. Remove batch_augments '
                'from data_preprocessor, and augments from train_cfg of the '
                'model; or remove the teacher store or RepeatableViewsHook.')
        for hook in runner.hooks:
            if type(hook).__name__ in SWITCHES:
                raise ValueError(
                    f'{type(hook).__name__} changes the pipeline or the batch '
                    'augmentation during the training, so the views of a '
                    'sample cannot be repeated. Remove the hook; or remove '
                    'the teacher store or RepeatableViewsHook.')

    def _check_sampler(self, loader: DataLoader) -> None:
        """Check the indices of an epoch."""
        with preserved_generators():  # PyTorch's samplers draw from them
            batches = iter(loader.batch_sampler)
            for batch in islice(batches, len(loader)):
                self.items.check_indices(batch)
            if next(batches, None) is not None:
                raise ValueError(
                    f'The sampler {type(loader.sampler).__name__} yields '
                    'samples without end, or more than its length, so it is '
                    'not known when the next view begins. Use '
                    "sampler=dict(type='DefaultSampler', shuffle=True), also "
                    'in a loop that counts iterations.')


def _check_loader(loader: DataLoader) -> None:
    if isinstance(loader.dataset, IterableDataset):
        raise ValueError(
            f'{type(loader.dataset).__name__} is an IterableDataset, whose '
            'samples have no index, so their views cannot be repeated. Use a '
            'data set with __getitem__ and __len__.')
    if loader.batch_sampler is None:
        raise ValueError(
            'train_dataloader has batch_size=None: the data set forms the '
            'batches, so the views of a sample cannot be repeated. Set '
            'batch_size to a number.')
    for sampler in (loader.sampler, loader.batch_sampler):
        if type(sampler).__name__ == 'RepeatAugSampler':
            raise ValueError(
                'RepeatAugSampler repeats samples in an epoch to augment them '
                'differently, but a sample has one view in an epoch. Use '
                "sampler=dict(type='DefaultSampler', shuffle=True).")


def _counts_iterations(loop: Any) -> bool:
    return hasattr(loop, 'dataloader_iterator')


def _sampler_with_passes(loader: DataLoader) -> Sampler:
    """The sampler whose ``set_epoch`` MMEngine calls at the end of a pass."""
    inner = getattr(loader.batch_sampler, 'sampler', None)
    for sampler in (loader.sampler, inner):
        if hasattr(sampler, 'set_epoch'):
            return sampler
    raise ValueError(
        f'The sampler {type(loader.sampler).__name__} has no set_epoch, so in '
        'a loop that counts iterations it is not known when the next view '
        "begins. Use sampler=dict(type='DefaultSampler', shuffle=True).")
