import numpy as np
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import Dataset, Sampler

from mmcckd.datasets.wrappers import advice_on_wrappers, defines, gather

from .group_uniform_sampler import GroupUniformSampler


@DATA_SAMPLERS.register_module()
class CURSampler(GroupUniformSampler):
    """Class-uniform random sampler: batches of k samples of several classes.

    The CUR sampler of Peng et al., *Correlation Congruence for Knowledge
    Distillation*, ICCV 2019. It samples classes, and then exactly k random
    samples of each class, so every batch has correlations within and between
    classes. :class:`GroupUniformSampler` describes batches and epochs in
    detail; the classes are its groups.

    Labels are read with the data set's ``get_gt_labels()``, which MMPretrain's
    data sets have, or otherwise with its ``get_cat_ids(idx)``. For the
    wrappers of MMEngine, MMPretrain, MMRazor and PyTorch, also nested ones,
    the labels of the wrapped data sets are used.

    Example:
        >>> train_dataloader = dict(
        ...     batch_size=64,
        ...     sampler=dict(type='DefaultSampler', shuffle=True),
        ...     batch_sampler=dict(type='CURSampler', samples_per_class=4),
        ...     dataset=...)

    Args:
        sampler (Sampler): The ``sampler`` of the data loader, which provides
            data set, seed, epoch and rank. Set by the runner.
        batch_size (int): Number of samples per batch and rank, a multiple of
            ``samples_per_class``. Set by the runner.
        samples_per_class (int): k, the number of samples of each class in a
            batch. Defaults to 4, the largest value for which a secondary
            source reports an improvement.

    Raises:
        TypeError: If the data set has no labels, or an argument has the
            wrong type.
        ValueError: If a sample has several labels. See also
            :class:`GroupUniformSampler`.
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
    """Return the class of each sample of a data set.

    Args:
        dataset (Dataset): The data set, with N samples, or nested wrappers.

    Returns:
        np.ndarray: Labels of shape (N, ), integers.

    Raises:
        TypeError: If a data set inside known wrappers has neither
            ``get_gt_labels()`` nor ``get_cat_ids(idx)``.
        ValueError: If a sample has no label or several.
    """
    return gather(dataset, _labels)


def _labels(dataset: Dataset, name: str) -> np.ndarray:
    try:
        if defines(dataset, 'get_gt_labels'):
            labels = list(dataset.get_gt_labels())
        elif defines(dataset, 'get_cat_ids'):
            labels = [dataset.get_cat_ids(i) for i in range(len(dataset))]
        else:
            raise TypeError(
                f'CURSampler needs labels, but {name} has neither '
                'get_gt_labels() nor get_cat_ids(idx); add one of them, or '
                'remove the batch_sampler to use random batches.' +
                advice_on_wrappers(dataset, 'get_gt_labels()'))
    except ValueError as error:  # numpy's, from lists of different lengths
        raise ValueError(
            'CURSampler needs exactly one label per sample, but the samples '
            f'of {name} have different numbers of labels: {error}') from error
    except KeyError as error:  # MMPretrain's data sets without annotations
        raise TypeError(
            f'CURSampler needs labels, but the samples of {name} have no '
            f'{error}; set the annotations of the data set, or remove the '
            'batch_sampler to use random batches.') from error
    if len(labels) != len(dataset):
        raise ValueError(
            f'{name} has {len(dataset)} samples, but {len(labels)} of them '
            'have labels; every sample needs one.')
    for i, label in enumerate(labels):
        if np.size(label) != 1:
            raise ValueError(
                f'CURSampler needs exactly one label per sample, but sample '
                f'{i} of {name} has {np.size(label)}: {label}.')
    return np.array(labels).reshape(len(labels))
