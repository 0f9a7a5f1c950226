import math
from typing import Optional

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmcckd.functional.late_check import LateCheck
from mmcckd.models.losses import check_loss_weight


@MODELS.register_module()
class BatchHardTripletLoss(nn.Module):
    r"""Batch-hard triplet loss on Euclidean distances.

    Hermans et al., *In Defense of the Triplet Loss for Person
    Re-Identification*, 2017, equation 5. Every sample a of a batch is an
    anchor. Its farthest positive p, a sample with the same label, should be
    nearer than its nearest negative n, a sample with another label:

    .. math::
        L = \frac{1}{N} \sum_a \left[ m + \max_p \|f_a - f_p\|
            - \min_n \|f_a - f_n\| \right]_+

    With a soft margin, :math:`[m + x]_+` is replaced with
    :math:`\ln(1 + e^x)`. The features are not normalized. Samples without a
    positive in the batch are not used as anchors. N is the number of anchors.

    Args:
        margin (float, optional): m ≥ 0, or None for the soft margin. Defaults
            to 0.3 (Luo et al., *Bag of Tricks and A Strong Baseline for Deep
            Person Re-identification*, CVPR Workshops 2019).
        loss_weight (float): Weight of the loss, ≥ 0. Defaults to 1.0.

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
        self._late_check = LateCheck(_check_labels)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            features (Tensor): (n, d), floating point.
            labels (Tensor): (n, ), integers.

        Returns:
            Tensor: The weighted loss, a scalar, float32 or float64.

        Raises:
            ValueError: If the shapes do not fit, no two samples have the same
                label, or all samples have the same label. The labels of a GPU
                are checked one step later, without waiting for it; the loss
                of such a batch is constant.
        """
        if features.dim() != 2 or labels.shape != features.shape[:1]:
            raise ValueError(
                'BatchHardTripletLoss takes features (n, d) and labels (n, ), '
                f'but got {tuple(features.shape)} and {tuple(labels.shape)}.')
        self._late_check(labels)
        same = labels[:, None] == labels
        if features.dtype.itemsize < 4:
            features = features.float()
        # Without a matrix product, which is inaccurate for small distances.
        # The gradient at distance 0 is 0.
        distances = torch.cdist(
            features, features, compute_mode='donot_use_mm_for_euclid_dist')
        positive = distances.masked_fill(~same, -math.inf).amax(1)
        negative = distances.masked_fill(same, math.inf).amin(1)
        violation = positive - negative
        if self.margin is None:
            loss = F.softplus(violation)
        else:
            loss = F.relu(self.margin + violation)
        # To select the anchors by an index would wait for a GPU.
        anchors = same.sum(1) > 1
        loss = loss.masked_fill(~anchors, 0).sum() / anchors.sum().clamp(min=1)
        return self.loss_weight * loss

    def extra_repr(self) -> str:
        return f'margin={self.margin}, loss_weight={self.loss_weight:g}'


def _check_margin(margin: float) -> None:
    if isinstance(margin, bool) or not isinstance(margin, (int, float)):
        raise TypeError('margin must be a number, or None for the soft '
                        f'margin, but is {margin!r}.')
    if not 0 <= margin < math.inf:
        raise ValueError('margin must be at least 0 and finite, or None for '
                         f'the soft margin, but is {margin}.')


def _check_labels(labels: Tensor) -> None:
    """Raise if a batch with these labels, on the CPU, has no triplet."""
    different = len(labels.unique())
    if 1 < different < len(labels):
        return
    raise ValueError(
        'BatchHardTripletLoss needs two samples with the same label and one '
        f'with another label, but the batch has {len(labels)} samples of '
        f'{different} labels. Use several labels with k ≥ 2 samples each: '
        "batch_sampler=dict(type='CURSampler', samples_per_class=4), and a "
        'batch_size of at least twice that number.')
