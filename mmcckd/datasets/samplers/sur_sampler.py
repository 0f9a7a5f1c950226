import logging

from mmengine.logging import print_log
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mmcckd.datasets.superclass_file import Superclasses

from .group_uniform_sampler import GroupUniformSampler


@DATA_SAMPLERS.register_module()
class SURSampler(GroupUniformSampler):
    """Superclass-uniform random sampler: k samples of several superclasses.

    The SUR sampler of Peng et al., *Correlation Congruence for Knowledge
    Distillation*, ICCV 2019. It works like :class:`CURSampler`, but with
    superclasses instead of classes. Superclasses are k-means clusters of the
    teacher's features, a softer form of classes. They need no labels.

    :class:`GroupUniformSampler` describes batches and epochs in detail. Images
    that could not be read during clustering are never drawn; a warning gives
    their number.

    Example:
        >>> train_dataloader = dict(
        ...     batch_size=64,
        ...     sampler=dict(type='DefaultSampler', shuffle=True),
        ...     batch_sampler=dict(
        ...         type='SURSampler',
        ...         superclasses='work_dirs/teacher/superclasses.npz',
        ...         samples_per_superclass=4),
        ...     dataset=...)

    Args:
        sampler (Sampler): The ``sampler`` of the data loader, which provides
            data set, seed, epoch and rank. Set by the runner.
        batch_size (int): Number of samples per batch and rank, a multiple of
            ``samples_per_superclass``. Set by the runner.
        superclasses (str): Path of a file that
            ``tools/cluster_superclasses.py`` has written for this data set,
            or for a data set that it wraps (see
            :meth:`.Superclasses.of_samples`).
        samples_per_superclass (int): k, the number of samples of each
            superclass in a batch. Defaults to 4, as for :class:`CURSampler`.

    Raises:
        FileNotFoundError: If the file does not exist.
        TypeError: If the images of the data set cannot be identified, or an
            argument has the wrong type.
        ValueError: If the file is damaged or belongs to another data set. See
            also :class:`GroupUniformSampler`.
    """

    group_name = 'superclasses'
    k_name = 'samples_per_superclass'

    def __init__(self,
                 sampler: Sampler,
                 batch_size: int,
                 superclasses: str,
                 samples_per_superclass: int = 4) -> None:
        self._check_sampler(sampler)
        labels = Superclasses.load(superclasses).of_samples(
            sampler.dataset, superclasses)
        drawn = labels >= 0
        if not drawn.all():
            print_log(
                f'SURSampler omits {(~drawn).sum():,} of {len(drawn):,} '
                'samples: their images could not be read when '
                f'{superclasses} was made.',
                logger='current',
                level=logging.WARNING)
        super().__init__(
            sampler,
            batch_size,
            labels,
            samples_per_superclass,
            drawn=drawn)
