import logging

from mmengine.logging import print_log
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mmcckd.superclasses.superclass_file import Superclasses

from .group_uniform_sampler import GroupUniformSampler


@DATA_SAMPLERS.register_module()
class SURSampler(GroupUniformSampler):
    """Superclass-uniform random sampler: k samples of several superclasses.

    The SUR sampler of Peng et al., *Correlation Congruence for Knowledge
    Distillation*, ICCV 2019: as :class:`CURSampler`, with superclasses in
    place of classes. They are k-means clusters of the teacher's features, a
    softer form of the classes, and need no labels.

    What a batch and an epoch are, and what is promised of either, is said in
    :class:`GroupUniformSampler`. Images that could not be read when the
    superclasses were made are in no batch; a warning counts them.

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
        sampler (Sampler): The runner fills it in from the data loader's
            ``sampler``; dataset, seed, epoch and rank come from it.
        batch_size (int): Samples in a batch of one rank, a multiple of
            ``samples_per_superclass``. The runner fills it in.
        superclasses (str): A file that ``tools/cluster_superclasses.py`` made
            of this dataset.
        samples_per_superclass (int): k, the samples of each superclass in a
            batch. Defaults to 4, as for :class:`CURSampler`.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If the dataset does not tell its images, or an argument is
            of the wrong type.
        ValueError: If the file is damaged, or of another dataset, or as
            :class:`GroupUniformSampler` says.
    """

    group_name = 'superclasses'
    k_name = 'samples_per_superclass'

    def __init__(self,
                 sampler: Sampler,
                 batch_size: int,
                 superclasses: str,
                 samples_per_superclass: int = 4) -> None:
        self._check_sampler(sampler)
        found = Superclasses.load(superclasses)
        found.check_fits(sampler.dataset, superclasses)
        drawn = found.labels >= 0
        if not drawn.all():
            print_log(
                f'SURSampler leaves out {(~drawn).sum():,} of '
                f'{len(drawn):,} samples, whose images could not be read when '
                f'{superclasses} was made.',
                logger='current',
                level=logging.WARNING)
        super().__init__(
            sampler,
            batch_size,
            found.labels,
            samples_per_superclass,
            drawn=drawn)
