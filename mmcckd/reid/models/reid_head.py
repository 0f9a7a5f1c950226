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
    Re-identification*, CVPR Workshops 2019, section 3.5. The triplet loss
    looks at the feature f of the neck before, the identity loss at a linear
    layer on the normalised feature, and so does retrieval:

        neck -> f ─┬─> triplet loss
                   └─> bnneck ─┬─> fc -> identity loss
                               └─> retrieval

    ``bnneck`` is a batch normalisation whose bias stays 0, ``fc`` has none, so
    that the classes lie around the origin. A recorder finds f at "neck", the
    feature for retrieval at "head.bnneck", and the logits at "head.fc".

    Args:
        num_classes (int): Persons of the training set.
        in_channels (int): d, the width of the feature.
        loss (dict, optional): Config of the identity loss. Defaults to
            cross-entropy with label smoothing 0.1, as in the paper.
        triplet (dict, optional): Config of the triplet loss. Defaults to
            ``dict(type='BatchHardTripletLoss', margin=0.3)``, as there.
        init_cfg (dict, optional): Defaults to a standard deviation of 0.001
            for ``fc``, as in the paper's code.

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
        """The feature after BNNeck, (n, d), of the last one in a tuple."""
        return self.bnneck(feats[-1])

    def forward(self, feats: Tuple[Tensor]) -> Tensor:
        """Logits (n, num_classes) of features (n, d)."""
        return self.fc(self.pre_logits(feats))

    def loss(self, feats: Tuple[Tensor],
             data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Losses of a batch.

        Args:
            feats (tuple[Tensor]): The last is the neck's feature, (n, d).
            data_samples (List[DataSample]): n samples with a ``gt_label``
                from 0 to num_classes − 1.

        Returns:
            Dict[str, Tensor]: ``loss_id`` and ``loss_triplet``.

        Raises:
            ValueError: If a label is out of range, if images were mixed, or
                as the triplet loss says.
        """
        if 'gt_score' in data_samples[0] and min(
                sample.gt_score.max() for sample in data_samples) < 1:
            raise ValueError(
                'The batch was mixed, by Mixup or the like, so its images are '
                'of several persons, and the triplet loss takes one. Set the '
                'model\'s train_cfg=None, and leave batch_augments out of '
                'data_preprocessor.')
        labels = torch.cat([sample.gt_label for sample in data_samples])
        low, high = labels.aminmax()
        if low < 0 or high >= self.num_classes:
            raise ValueError(
                f'The labels of the batch go from {int(low)} to {int(high)}, '
                f'but the head has num_classes={self.num_classes}; set it to '
                'the number of persons in the training set.')
        return dict(
            loss_id=self.loss_module(self(feats).float(), labels),
            loss_triplet=self.triplet(feats[-1], labels))

    def predict(
        self,
        feats: Tuple[Tensor],
        data_samples: Optional[List[DataSample]] = None
    ) -> List[DataSample]:
        """Set ``feature``, (d, ) in float32, of each data sample.

        It is what BNNeck gives, not normalised to a length.

        Args:
            feats (tuple[Tensor]): The last is the neck's feature, (n, d).
            data_samples (List[DataSample], optional): n samples. Defaults to
                None, for new ones.

        Returns:
            List[DataSample]: The samples.
        """
        features = self.pre_logits(feats).float()
        if data_samples is None:
            data_samples = [DataSample() for _ in features]
        for sample, feature in zip(data_samples, features):
            sample.set_field(feature, 'feature', dtype=torch.Tensor)
        return data_samples
