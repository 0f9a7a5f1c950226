from functools import partial
from typing import Any, List, Optional

import numpy as np
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor

from mmcckd.models.algorithms.stored_difference import compare_with_teacher
from mmcckd.models.algorithms.stored_teacher import StoredTeacher
from mmcckd.teacher_store import TeacherStore

from ..teacher_store_identity import (
    dataset_identity,
    images_identity,
    teacher_identity,
)
from ..unwrapped_model import unwrapped
from .repeatable_views_hook import RepeatableViewsHook


@HOOKS.register_module()
class TeacherStoreHook(RepeatableViewsHook):
    """Open the teacher store of the model before training.

    The hook is for a model with ``teacher_store``, such as
    :class:`.FrozenTeacherDistill`. It shows the views of the samples that are
    in the store, as :class:`.RepeatableViewsHook`, and finds out everything
    that is wrong with the store before the first iteration. ``tools/train.py``
    and :func:`.build_runner` add the hook; for other runners, use
    ``custom_hooks=[dict(type='TeacherStoreHook')]``.

    Raises:
        OSError: If there is not enough space for the store, or its file system
            has no locks or memory maps.
        TypeError: If the data set does not give its images.
        ValueError: If the store belongs to another teacher, data set or
            pipeline, or has other settings or contents; a record cannot be
            stored; the views cannot be repeated; or images have different
            sizes.
    """

    def __init__(self) -> None:
        super().__init__(views=1)  # until the model is known
        self.image_shape: Optional[tuple] = None

    def before_train(self, runner: Runner) -> None:
        """Check everything, and open the store."""
        model = unwrapped(runner.model)
        stored = getattr(model, 'stored_teacher', None)
        if stored is None:
            raise ValueError(
                'TeacherStoreHook is for a model with a teacher store, but '
                f'the {type(model).__name__} has none. Set '
                "model.teacher_store=dict(path=…, views=…) of a "
                'FrozenTeacherDistill, or remove the hook.')
        for hook in runner.hooks:
            if isinstance(hook, RepeatableViewsHook) and hook is not self:
                raise ValueError(
                    f'The config has {type(hook).__name__} and '
                    'TeacherStoreHook, but the teacher store determines the '
                    f'views. Remove {type(hook).__name__}.')
        self.image_shape = None
        self.views, self.seed = stored.settings.views, stored.settings.seed
        super().before_train(runner)
        self._open(stored, runner.train_dataloader)
        self.items.read_ahead = partial(_read_ahead, stored.store)
        filled = stored.store.filled()
        print_log(
            f'Teacher store {stored.settings.path}: ' + ', '.join(
                f'{source} {_percent(filled[source])} stored'
                for source in stored.sources) + '.',
            logger='current')

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Check that the images have the size of those in the store."""
        for image, sample in zip(data_batch['inputs'],
                                 data_batch['data_samples']):
            self._check_shape(image, sample)

    def _open(self, stored: StoredTeacher, loader: Any) -> None:
        model = stored.model
        dataset = loader.dataset
        samples = self.items([0, len(dataset) - 1])
        for sample in samples:
            if not isinstance(sample, dict) or not {'inputs', 'data_samples'
                                                    } <= sample.keys():
                raise ValueError(
                    'A teacher store needs samples with inputs and '
                    f'data_samples, but the {type(dataset).__name__} gives '
                    f'{_describe(sample)}. Add PackInputs to the pipeline.')
            if self.image_shape is None:
                self.image_shape = sample['inputs'].shape
            self._check_shape(sample['inputs'], sample['data_samples'])
        data = model.data_preprocessor(loader.collate_fn(samples), True)
        images = data['inputs']
        layouts = stored.probe(images, data['data_samples'])
        if stored.store is None:  # not prepared, which changes the weights
            stored.teacher_identity = teacher_identity(model.teacher,
                                                       model.teacher_dtype)
        stored.open(
            layouts, len(dataset),
            dict(
                teacher=stored.teacher_identity,
                images=images_identity(model.teacher, model.data_preprocessor,
                                       images.shape[1:]),
                dataset=dataset_identity(dataset)))
        stored.batch_size = getattr(loader.batch_sampler, 'batch_size', 1)
        compare_with_teacher(stored, images, data['data_samples'])

    def _check_shape(self, image: Tensor, sample: Any) -> None:
        if image.shape != self.image_shape:
            raise ValueError(
                f'The image {sample.get("img_path", "without a path")} has '
                f'the shape {tuple(image.shape)} after the pipeline, and that '
                f'of sample 0 has {tuple(self.image_shape)}. With a teacher '
                'store, all images of train_dataloader must have one size, '
                'since padding depends on the batch. Add a transform such as '
                'RandomResizedCrop or CenterCrop.')


def _read_ahead(store: TeacherStore, view: int, indices: List[int]) -> None:
    """Called in the workers, which load a batch long before it is used."""
    store.read_ahead(np.full(len(indices), view), np.array(indices))


def _describe(sample: Any) -> str:
    keys = f' of {", ".join(sample)}' if isinstance(sample, dict) else ''
    return f'a {type(sample).__name__}{keys}'


def _percent(fraction: float) -> str:
    """Never 100 % if a row is missing."""
    return f'{np.floor(fraction * 1000) / 10:.1f} %'
