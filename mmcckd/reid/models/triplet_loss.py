import math
from typing import Optional

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmcckd.models.losses import check_loss_weight


@MODELS.register_module()
class BatchHardTripletLoss(nn.Module):
    r"""Batch-hard triplet loss on Euclidean distances.

    Hermans et al., *In Defense of the Triplet Loss for Person
    Re-Identification*, 2017, equation 5. Every sample a of a batch is an
    anchor, to be nearer to its farthest positive p, of the same label, than
    to its nearest negative n:

    .. math::
        L = \frac{1}{N} \sum_a \left[ m + \max_p \|f_a - f_p\|
            - \min_n \|f_a - f_n\| \right]_+

    With a soft margin, :math:`\ln(1 + e^x)` takes the place of
    :math:`[m + x]_+`. The features are not normalised. Samples without a
    positive in the batch are no anchors; N counts the anchors.

    Args:
        margin (float, optional): m ≥ 0; None is the soft margin. Defaults to
            0.3 (Luo et al., *Bag of Tricks and A Strong Baseline for Deep
            Person Re-identification*, CVPR Workshops 2019).
        loss_weight (float): ≥ 0. Defaults to 1.0.

    Raises:
        TypeError: If an argument is not a number.
        ValueError: If it is negative or not finite.
    """

    def __init__(self,
                 margin: Optional[float] = 0.3,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if margin is not None:
            _check_margin(margin)
        check_loss_weight('loss_weight', loss_weight)
        self.margin = margin
        self.loss_weight = loss_weight

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            features (Tensor): (n, d), floating point.
            labels (Tensor): (n, ), integers.

        Returns:
            Tensor: The weighted loss, a scalar in float32 at least.

        Raises:
            ValueError: If the shapes do not fit, no label of the batch has
                two samples, or all samples have one label.
        """
        if features.dim() != 2 or labels.shape != features.shape[:1]:
            raise ValueError(
                'BatchHardTripletLoss takes features (n, d) and labels (n, ), '
                f'but got {tuple(features.shape)} and {tuple(labels.shape)}.')
        same = labels[:, None] == labels
        anchors = same.sum(1) > 1
        if not anchors.any() or same.all():
            _raise_without_triplets(labels)

        if features.dtype.itemsize < 4:
            features = features.float()
        # By differences: a matrix product loses the small distances. The
        # gradient at distance 0 is 0.
        distances = torch.cdist(
            features, features, compute_mode='donot_use_mm_for_euclid_dist')
        positive = distances.masked_fill(~same, -math.inf).amax(1)
        negative = distances.masked_fill(same, math.inf).amin(1)
        violation = (positive - negative)[anchors]
        if self.margin is None:
            loss = F.softplus(violation)
        else:
            loss = F.relu(self.margin + violation)
        return self.loss_weight * loss.mean()

    def extra_repr(self) -> str:
        return f'margin={self.margin}, loss_weight={self.loss_weight:g}'


def _check_margin(margin: float) -> None:
    if isinstance(margin, bool) or not isinstance(margin, (int, float)):
        raise TypeError('margin must be a number, or None for the soft '
                        f'margin, but is {margin!r}.')
    if not 0 <= margin < math.inf:
        raise ValueError('margin must be at least 0 and finite, or None for '
                         f'the soft margin, but is {margin}.')


def _raise_without_triplets(labels: Tensor) -> None:
    different = len(labels.unique())
    raise ValueError(
        'BatchHardTripletLoss needs two samples of a label and one of '
        f'another, but the batch has {len(labels)} samples of {different} '
        'labels. Sample k ≥ 2 of each of several labels: '
        "batch_sampler=dict(type='CURSampler', samples_per_class=4), with a "
        'batch_size of at least twice that.')
