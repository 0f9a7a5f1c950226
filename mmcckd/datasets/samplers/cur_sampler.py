import numpy as np
from mmengine.registry import DATA_SAMPLERS
from mmrazor.datasets import CRDDataset
from torch.utils.data import Dataset, Sampler

from .group_uniform_sampler import GroupUniformSampler


@DATA_SAMPLERS.register_module()
class CURSampler(GroupUniformSampler):
    """Class-uniform random sampler: batches of k samples of several classes.

    The CUR sampler of Peng et al., *Correlation Congruence for Knowledge
    Distillation*, ICCV 2019: sample classes, then exactly k random samples of
    each, so that every batch has correlations within classes and between them.
    What a batch and an epoch are, and what is promised of either, is said in
    :class:`GroupUniformSampler`, with the classes as the groups.

    Labels come from the dataset's ``get_gt_labels()`` (MMPretrain's data sets
    have it), or else its ``get_cat_ids(idx)``; those of MMRazor's
    ``CRDDataset`` from the data set that it wraps.

    Example:
        >>> train_dataloader = dict(
        ...     batch_size=64,
        ...     sampler=dict(type='DefaultSampler', shuffle=True),
        ...     batch_sampler=dict(type='CURSampler', samples_per_class=4),
        ...     dataset=...)

    Args:
        sampler (Sampler): The runner fills it in from the data loader's
            ``sampler``; dataset, seed, epoch and rank come from it.
        batch_size (int): Samples in a batch of one rank, a multiple of
            ``samples_per_class``. The runner fills it in.
        samples_per_class (int): k, the samples of each class in a batch.
            Defaults to 4, the largest that a secondary source reports to help.

    Raises:
        TypeError: If the dataset has no labels, or an argument is of the
            wrong type.
        ValueError: If a sample has several labels, or as
            :class:`GroupUniformSampler` says.
    """

    group_name = 'classes'
    k_name = 'samples_per_class'

    def __init__(self,
                 sampler: Sampler,
                 batch_size: int,
                 samples_per_class: int = 4) -> None:
        self._check_sampler(sampler)
        super().__init__(sampler, batch_size, get_labels(sampler.dataset),
                         samples_per_class)


def get_labels(dataset: Dataset) -> np.ndarray:
    """The class of each sample of a dataset, (N, ), integers.

    Raises:
        TypeError: If the dataset has neither ``get_gt_labels()`` nor
            ``get_cat_ids(idx)``.
        ValueError: If a sample has no label or several.
    """
    if isinstance(dataset, CRDDataset):  # sample by sample the inner one
        dataset = dataset.dataset
    name = type(dataset).__name__
    try:
        if hasattr(dataset, 'get_gt_labels'):
            labels = list(dataset.get_gt_labels())
        elif hasattr(dataset, 'get_cat_ids'):
            labels = [dataset.get_cat_ids(i) for i in range(len(dataset))]
        else:
            raise TypeError(
                f'CURSampler needs labels, but {name} has neither '
                'get_gt_labels() nor get_cat_ids(idx); add one of them, or '
                'drop the batch_sampler for uniform random batches.')
    except ValueError as error:  # numpy's, from lists of different lengths
        raise ValueError(
            f'CURSampler needs exactly one label per sample, but those of '
            f'{name} differ in number: {error}') from error
    except KeyError as error:  # MMPretrain's data sets without annotations
        raise TypeError(
            f'CURSampler needs labels, but the samples of {name} have no '
            f'{error}; give the dataset its annotations, or drop the '
            'batch_sampler for uniform random batches.') from error
    for i, label in enumerate(labels):
        if np.size(label) != 1:
            raise ValueError(
                f'CURSampler needs exactly one label per sample, but sample '
                f'{i} of {name} has {np.size(label)}: {label}.')
    return np.array(labels).reshape(len(labels))
