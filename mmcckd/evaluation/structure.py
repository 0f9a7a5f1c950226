"""How the features of a set of samples are arranged."""
from typing import NamedTuple

import torch
from torch import Tensor


class CosineStructure(NamedTuple):
    """Mean cosine similarities of pairs of samples, in [−1, 1].

    Attributes:
        intra_class_cosine (float): Of two samples of one class: cohesion.
            NaN if no class has two samples.
        inter_class_cosine (float): Of samples of two classes; the less, the
            better they are separated. NaN if there is one class only.
        cosine_gap (float): The first less the second.
    """
    intra_class_cosine: float
    inter_class_cosine: float
    cosine_gap: float


def cosine_structure(features: Tensor, labels: Tensor) -> CosineStructure:
    r"""How near samples are to those of their class and to all others.

    With the features scaled to length 1, u_i, and their sums S over all
    samples and S_c over the n_c samples of class c, the means over all
    ordered pairs i ≠ j are

    .. math::
        \text{intra} = \frac{\sum_c \|S_c\|^2 - \sum_i \|u_i\|^2}
                            {\sum_c n_c (n_c - 1)}, \qquad
        \text{inter} = \frac{\|S\|^2 - \sum_c \|S_c\|^2}
                            {n^2 - \sum_c n_c^2},

    so it takes n · d operations and no n × n matrix. Each pair counts once,
    and larger classes thus more than smaller ones. A feature of length 0 has
    no direction; its cosine with all others is 0.

    Args:
        features (Tensor): (n, d), floating point; computed in float64.
        labels (Tensor): The class of each, (n, ), integers.

    Returns:
        CosineStructure: NaN where there is no pair to take a mean of, and if
        a feature is not finite.

    Raises:
        TypeError: If the features are not floating point, or the labels not
            integers.
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
    in_pairs = counts.square().sum()  # of a class, i = j among them
    intra = (within - unit.square().sum()) / (in_pairs - len(unit))
    inter = (sums.sum(0).square().sum() - within) / (len(unit)**2 - in_pairs)
    # 0 / 0, but for round-off
    intra = float(intra) if in_pairs > len(unit) else float('nan')
    inter = float(inter) if len(counts) > 1 else float('nan')
    return CosineStructure(intra, inter, intra - inter)


def linear_cka(x: Tensor, y: Tensor) -> float:
    r"""Linear centred kernel alignment of two sets of features.

    Kornblith et al., *Similarity of Neural Network Representations
    Revisited*, ICML 2019. With X and Y the features less their means,

    .. math::
        \text{CKA} = \frac{\|Y^TX\|_F^2}{\|X^TX\|_F \|Y^TY\|_F}
                   = \frac{\langle XX^T, YY^T \rangle_F}
                          {\|XX^T\|_F \|YY^T\|_F} ,

    the second form where there are fewer samples than dimensions. It is 1 for
    features that are the same but for a rotation, a scale and a shift. Of few
    samples in many dimensions it is high whatever they are, so values compare
    for the same number of samples only.

    Args:
        x (Tensor): (n, d), floating point; computed in float64.
        y (Tensor): (n, e), floating point, of the same samples.

    Returns:
        float: In [0, 1]; NaN if all rows of one of them are the same, or an
        entry is not finite.

    Raises:
        TypeError: If one of them is not floating point.
        ValueError: If the shapes do not fit.
    """
    _check_features('x', x)
    _check_features('y', y)
    if len(x) != len(y):
        raise ValueError('x and y must be features of the same samples, but '
                         f'have {len(x)} and {len(y)} rows.')
    x, y = _centred(x), _centred(y)
    if len(x) > max(x.shape[1], y.shape[1]):
        alignment = torch.linalg.norm(y.t() @ x).square()
        scale = torch.linalg.norm(x.t() @ x) * torch.linalg.norm(y.t() @ y)
    else:
        gram_x, gram_y = x @ x.t(), y @ y.t()
        alignment = (gram_x * gram_y).sum()
        scale = torch.linalg.norm(gram_x) * torch.linalg.norm(gram_y)
    return float(alignment / scale)


def _centred(features: Tensor) -> Tensor:
    """Less the mean, and of length 1 in all, or NaN."""
    features = features.detach().double()
    # Equal rows become exactly 0.
    features = features - features[:1]
    features = features - features.mean(0)
    return features / torch.linalg.norm(features)


def _check_features(name: str, features: Tensor) -> None:
    if features.dim() != 2 or not len(features):
        raise ValueError(
            f'{name} must be features (n, d) of n > 0 samples, but are of '
            f'shape {tuple(features.shape)}; flatten them first.')
    if not features.is_floating_point():
        raise TypeError(f'{name} must be floating-point features, but are '
                        f'{features.dtype}.')
