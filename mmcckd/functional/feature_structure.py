"""Measures of how the features of samples are arranged."""
from typing import NamedTuple

import torch
from torch import Tensor


class CosineStructure(NamedTuple):
    """Mean cosine similarities of pairs of samples, in [−1, 1].

    Attributes:
        intra_class_cosine (float): Mean over pairs of the same class. A high
            value means high cohesion. NaN if no class has two samples.
        inter_class_cosine (float): Mean over pairs of different classes. A low
            value means high separation. NaN if there is only one class.
        cosine_gap (float): The difference of the two, intra − inter.
    """
    intra_class_cosine: float
    inter_class_cosine: float
    cosine_gap: float


def cosine_structure(features: Tensor, labels: Tensor) -> CosineStructure:
    r"""Mean cosine similarities within classes and between classes.

    Let u_i be the features scaled to length 1, S their sum over all samples,
    and S_c their sum over the n_c samples of class c. The means over all
    ordered pairs i ≠ j are

    .. math::
        \text{intra} = \frac{\sum_c \|S_c\|^2 - \sum_i \|u_i\|^2}
                            {\sum_c n_c (n_c - 1)}, \qquad
        \text{inter} = \frac{\|S\|^2 - \sum_c \|S_c\|^2}
                            {n^2 - \sum_c n_c^2},

    which takes O(n d) operations, without an n × n matrix. All pairs have the
    same weight, so larger classes have more influence than smaller ones. The
    cosine of a feature of length 0 with all others is defined as 0.

    Args:
        features (Tensor): (n, d), floating point. The computation is in
            float64.
        labels (Tensor): The class of each sample, (n, ), integers.

    Returns:
        CosineStructure: The means. They are NaN if there is no such pair, or
        if a feature is not finite.

    Raises:
        TypeError: If the features are not floating point, or the labels are
            not integers.
        ValueError: If the shapes do not fit.
    """
    _check_features('features', features)
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f'labels must be integers, but are {labels.dtype}.')
    if labels.shape != features.shape[:1]:
        raise ValueError(
            'labels must have one entry for each row of features, but have '
            f'the shape {tuple(labels.shape)} for features of '
            f'{tuple(features.shape)}.')
    unit = features.detach().double()
    lengths = torch.linalg.vector_norm(unit, dim=1, keepdim=True)
    unit = unit / lengths.masked_fill(lengths == 0, 1)
    _, classes, counts = labels.to(unit.device).unique(
        return_inverse=True, return_counts=True)
    sums = unit.new_zeros(len(counts), unit.shape[1])
    sums.index_add_(0, classes, unit)
    within = sums.square().sum()
    in_pairs = counts.square().sum()  # pairs of one class, including i = j
    intra = (within - unit.square().sum()) / (in_pairs - len(unit))
    inter = (sums.sum(0).square().sum() - within) / (len(unit)**2 - in_pairs)
    # Without pairs the result would be 0 / 0, up to rounding errors.
    intra = float(intra) if in_pairs > len(unit) else float('nan')
    inter = float(inter) if len(counts) > 1 else float('nan')
    return CosineStructure(intra, inter, intra - inter)


def linear_cka(x: Tensor, y: Tensor) -> float:
    r"""Linear centered kernel alignment (CKA) of two sets of features.

    Kornblith et al., *Similarity of Neural Network Representations
    Revisited*, ICML 2019. With X and Y the features minus their means,

    .. math::
        \text{CKA} = \frac{\|Y^TX\|_F^2}{\|X^TX\|_F \|Y^TY\|_F}
                   = \frac{\langle XX^T, YY^T \rangle_F}
                          {\|XX^T\|_F \|YY^T\|_F} ,

    where the second form is used if there are fewer samples than dimensions.
    CKA is 1 if the features are equal up to a rotation, a scale and a shift.
    For few samples in many dimensions it is high for any features, so only
    values for the same number of samples can be compared.

    Args:
        x (Tensor): (n, d), floating point. The computation is in float64.
        y (Tensor): (n, e), floating point, features of the same samples.

    Returns:
        float: CKA, in [0, 1]. NaN if all rows of ``x`` or of ``y`` are equal,
        or an entry is not finite.

    Raises:
        TypeError: If one of them is not floating point.
        ValueError: If the shapes do not fit.
    """
    _check_features('x', x)
    _check_features('y', y)
    if len(x) != len(y):
        raise ValueError('x and y must be features of the same samples, but '
                         f'have {len(x)} and {len(y)} rows.')
    x, y = _centered(x), _centered(y)
    if len(x) > max(x.shape[1], y.shape[1]):
        alignment = torch.linalg.norm(y.t() @ x).square()
        scale = torch.linalg.norm(x.t() @ x) * torch.linalg.norm(y.t() @ y)
    else:
        gram_x, gram_y = x @ x.t(), y @ y.t()
        alignment = (gram_x * gram_y).sum()
        scale = torch.linalg.norm(gram_x) * torch.linalg.norm(gram_y)
    return float(alignment / scale)


def _centered(features: Tensor) -> Tensor:
    """Subtract the mean, and scale the matrix to norm 1 (NaN if it is 0)."""
    features = features.detach().double()
    # Equal rows become exactly 0.
    features = features - features[:1]
    features = features - features.mean(0)
    return features / torch.linalg.norm(features)


def _check_features(name: str, features: Tensor) -> None:
    if features.dim() != 2 or not len(features):
        raise ValueError(
            f'{name} must be features (n, d) of n > 0 samples, but have the '
            f'shape {tuple(features.shape)}; flatten them first.')
    if not features.is_floating_point():
        raise TypeError(f'{name} must be floating-point features, but are '
                        f'{features.dtype}.')
