from mmrazor.models.architectures.connectors.base_connector import (
    BaseConnector,
)
from mmrazor.registry import MODELS
from torch import Tensor

from mmcckd.functional.flatten_features import Features, flatten_features


@MODELS.register_module()
class FlattenConnector(BaseConnector):
    """One row a sample, for a linear projection to take.

    Kernel connectors flatten by themselves. A ``TorchNNConnector`` takes what
    its module does: a ``Linear`` neither the tuple that MMPretrain's necks
    give nor the maps, (n, c, 1, 1), of their pooling layers.

    Args:
        init_cfg (dict, optional): Unused; every connector of MMRazor has it.
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
            TypeError: If ``feature`` is no tensor.
            ValueError: If it is a sequence of several tensors, or a tensor
                that is neither 2-D nor 4-D.
        """
        return flatten_features(feature, type(self).__name__)
