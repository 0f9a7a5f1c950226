from mmrazor.models.architectures.connectors.base_connector import (
    BaseConnector,
)
from mmrazor.registry import MODELS
from torch import Tensor

from mmcckd.functional.flatten_features import Features, flatten_features


@MODELS.register_module()
class FlattenConnector(BaseConnector):
    """Flatten features to one row per sample, as input of a linear projection.

    Kernel connectors do this themselves. A ``TorchNNConnector`` with a
    ``Linear`` module does not: it accepts neither the tuples that the necks of
    MMPretrain return, nor the maps, (n, c, 1, 1), of their pooling layers.

    Args:
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.
    """

    def forward_train(self, feature: Features) -> Tensor:
        """Flatten the features of a batch.

        Args:
            feature (Tensor or Sequence[Tensor]): Features of shape (n, d) or
                (n, c, h, w), the latter flattened to (n, c·h·w); or a tuple or
                list of one such tensor.

        Returns:
            Tensor: (n, d).

        Raises:
            TypeError: If ``feature`` is not a tensor.
            ValueError: If it is a sequence of several tensors, or a tensor
                that is neither 2-D nor 4-D.
        """
        return flatten_features(feature, type(self).__name__)
