from typing import Dict, List, Optional, Tuple

import torch
from mmpretrain.models.heads import ClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn


@MODELS.register_module()
class ReIDHead(ClsHead):
    """Head of a re-identification network, with BNNeck.

    Luo et al., *Bag of Tricks and A Strong Baseline for Deep Person
    Re-identification*, CVPR Workshops 2019, section 3.5. The triplet loss uses
    the feature f of the neck. The identity loss uses a linear layer on the
    feature after ``bnneck``, which is also the feature for retrieval:

        neck -> f ─┬─> triplet loss
                   └─> bnneck ─┬─> fc -> identity loss
                               └─> retrieval

    ``bnneck`` is a batch normalization with a constant bias of 0, and ``fc``
    has no bias, so that the decision boundaries pass through the origin. The
    sources for recorders are "neck" for f, "head.bnneck" for the feature for
    retrieval, and "head.fc" for the logits.

    Args:
        num_classes (int): Number of persons in the training set.
        in_channels (int): d, the width of the feature.
        loss (dict, optional): Config of the identity loss. Defaults to
            cross-entropy with label smoothing of 0.1, as in the paper.
        triplet (dict, optional): Config of the triplet loss. Defaults to
            ``dict(type='BatchHardTripletLoss', margin=0.3)``, as in the paper.
        init_cfg (dict, optional): Config of the initialization. Defaults to a
            normal distribution with a standard deviation of 0.001 for ``fc``,
            as in the paper's code.

    Raises:
        ValueError: If ``num_classes`` or ``in_channels`` is not positive.
    """
    # Images mixed by Mixup or CutMix belong to several persons, but the
    # triplet loss needs one identity per image.
    takes_scores = False

    def __init__(self,
                 num_classes: int,
                 in_channels: int,
                 loss: Optional[dict] = None,
                 triplet: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            loss=loss or dict(type='LabelSmoothLoss', label_smooth_val=0.1),
            init_cfg=init_cfg or dict(
                type='Normal', layer='Linear', std=0.001))
        if num_classes < 1 or in_channels < 1:
            raise ValueError('num_classes and in_channels must be positive, '
                             f'but are {num_classes} and {in_channels}.')
        self.num_classes = num_classes
        self.triplet = MODELS.build(
            triplet or dict(type='BatchHardTripletLoss', margin=0.3))
        self.bnneck = nn.BatchNorm1d(in_channels)
        self.bnneck.bias.requires_grad_(False)
        self.fc = nn.Linear(in_channels, num_classes, bias=False)

    def pre_logits(self, feats: Tuple[Tensor]) -> Tensor:
        """Feature after BNNeck, (n, d), of the last feature in the tuple."""
        return self.bnneck(feats[-1])

    def forward(self, feats: Tuple[Tensor]) -> Tensor:
        """Logits, (n, num_classes), of the last feature in the tuple, (n, d).
        """
        return self.fc(self.pre_logits(feats))

    def loss(self, feats: Tuple[Tensor],
             data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            feats (tuple[Tensor]): The last entry is the feature of the neck,
                (n, d).
            data_samples (List[DataSample]): n samples with a ``gt_label``
                from 0 to num_classes − 1.

        Returns:
            Dict[str, Tensor]: ``loss_id`` and ``loss_triplet``.

        Raises:
            ValueError: If a label on the CPU is out of range
                (:class:`.ClassCheckHook` checks those of a run on a GPU), if
                images were mixed, or in the cases of the triplet loss.
        """
        if 'gt_score' in data_samples[0] and min(
                sample.gt_score.max() for sample in data_samples) < 1:
            raise ValueError(
                'The batch was mixed with Mixup or a similar augmentation, '
                'but the triplet loss requires a single person for each '
                'image. Set the model\'s train_cfg=None, and remove '
                'batch_augments from data_preprocessor.')
        labels = torch.cat([sample.gt_label for sample in data_samples])
        if labels.device.type == 'cpu':  # reading them would wait for a GPU
            self._check_range(labels)
        return dict(
            loss_id=self.loss_module(self(feats).float(), labels),
            loss_triplet=self.triplet(feats[-1], labels))

    def predict(
        self,
        feats: Tuple[Tensor],
        data_samples: Optional[List[DataSample]] = None
    ) -> List[DataSample]:
        """Set the ``feature`` of each data sample, (d, ), float32.

        It is the output of BNNeck, without L2 normalization.

        Args:
            feats (tuple[Tensor]): The last entry is the feature of the neck,
                (n, d).
            data_samples (List[DataSample], optional): n samples. Defaults to
                None, which means that new samples are created.

        Returns:
            List[DataSample]: The samples.
        """
        features = self.pre_logits(feats).float()
        if data_samples is None:
            data_samples = [DataSample() for _ in features]
        for sample, feature in zip(data_samples, features):
            sample.set_field(feature, 'feature', dtype=torch.Tensor)
        return data_samples

    def _check_range(self, labels: Tensor) -> None:
        low, high = labels.aminmax()
        if low < 0 or high >= self.num_classes:
            raise ValueError(
                f'The labels of the batch are from {int(low)} to {int(high)}, '
                f'but the head has num_classes={self.num_classes}. Set it to '
                'the number of persons in the training set.')
