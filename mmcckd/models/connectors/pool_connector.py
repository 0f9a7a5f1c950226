from typing import Optional, Union

import torch
from mmrazor.models.architectures.connectors.base_connector import (
    BaseConnector,
)
from mmrazor.registry import MODELS
from torch import Tensor

from .feature_levels import (
    Maps,
    as_levels,
    check_level,
    check_map,
    select_map,
)


@MODELS.register_module()
class PoolConnector(BaseConnector):
    """Pool a map, or the levels of a pyramid, to one vector for each image.

    It is used before a kernel connector, or before a projection, in a list of
    connectors. The vector is the mean over all positions of a map.

    Args:
        level (int or "all", optional): The index of the level, which may be
            negative, of a recorded tuple or list of maps; "all" concatenates
            the vectors of all levels. Defaults to None, which requires a
            single map.
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.

    Raises:
        TypeError: If ``level`` has the wrong type.
    """

    def __init__(self,
                 level: Optional[Union[int, str]] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        check_level(level, other=['all'])
        self.level = level

    def forward_train(self, feature: Maps) -> Tensor:
        """Pool the maps of a batch.

        Args:
            feature (Tensor or Sequence[Tensor]): A map, (n, c, h, w), or a
                tuple or list of maps, the levels of a pyramid.

        Returns:
            Tensor: (n, c), or (n, Σ c) of all levels.

        Raises:
            TypeError: If the feature is not a tensor.
            ValueError: If there are several levels and ``level`` is None,
                there is no such level, or the feature is not a map.
        """
        user = type(self).__name__
        if self.level != 'all':
            return select_map(feature, self.level, user).mean((2, 3))
        levels = as_levels(feature)
        for one in levels:
            check_map(one, user)
        return torch.cat([one.mean((2, 3)) for one in levels], 1)

    def extra_repr(self) -> str:
        return f'level={self.level!r}'
