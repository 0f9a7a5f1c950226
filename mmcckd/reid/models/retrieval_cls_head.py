from typing import List, Optional, Tuple

import torch
from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor


@MODELS.register_module()
class RetrievalClsHead(LinearClsHead):
    """Linear classifier that also predicts the feature for retrieval.

    The feature is the input of the linear layer, without L2 normalization.
    Loss, scores and predicted labels are those of MMPretrain's
    ``LinearClsHead``, and so are the arguments and the weights. A trained
    network can therefore be tested both on its classes, with ``Accuracy``, and
    on the retrieval of other classes, with :class:`.ReIDMetric`.
    """

    def predict(
        self,
        feats: Tuple[Tensor],
        data_samples: Optional[List[Optional[DataSample]]] = None
    ) -> List[DataSample]:
        """Set scores, label and ``feature`` of each data sample.

        Args:
            feats (tuple[Tensor]): The last entry is the feature of the neck,
                (n, d).
            data_samples (List[DataSample], optional): n samples. Defaults to
                None, which means that new samples are created.

        Returns:
            List[DataSample]: The samples, with ``pred_score``, ``pred_label``
            and ``feature``, (d, ), float32.
        """
        data_samples = super().predict(feats, data_samples)
        features = self.pre_logits(feats).float()
        for sample, feature in zip(data_samples, features):
            sample.set_field(feature, 'feature', dtype=torch.Tensor)
        return data_samples
