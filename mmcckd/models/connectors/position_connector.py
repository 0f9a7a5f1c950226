from typing import Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.logging import MessageHub
from mmrazor.models.architectures.connectors.base_connector import (
    BaseConnector,
)
from mmrazor.registry import MODELS
from torch import Tensor
from torch.nn import functional as F

from ..copy_to import copy_to
from .feature_levels import Maps, check_level, select_map


@MODELS.register_module()
class PositionConnector(BaseConnector):
    """Use positions of maps as samples.

    With maps (n, c, h, w), there are n·h·w vectors of c channels. A kernel
    connector after this one computes the correlations of a random subset of
    them, so a batch of two images has many correlations, also within an image.

    The positions depend on ``seed`` and on the iteration of the runner, and
    not on the global random state. So the student and the teacher are compared
    at the same positions, also after a run is resumed, if both connectors have
    the same ``max_positions`` and ``seed`` and get maps of the same size. The
    distiller checks this. Each iteration has other positions. Positions in the
    padding of images are not left out.

    Args:
        max_positions (int): Maximum number of positions, ≥ 2. Defaults to 256.
        level (int, optional): The index of the level, which may be negative,
            of a recorded tuple or list of maps. Defaults to None, which
            requires a single map.
        size (Sequence[int], optional): Height and width to which a map is
            resized before, by bilinear interpolation. Needed if the maps of
            student and teacher differ in size. Defaults to None: the size of
            the map.
        seed (int): Seed of the positions, ≥ 0. Defaults to 0.
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.

    Attributes:
        map_size (Tuple[int, int], optional): Height and width of the last map
            from which positions were selected.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``max_positions`` is less than 2, ``seed`` is negative,
            or ``size`` is not a height and a width ≥ 1.
    """

    def __init__(self,
                 max_positions: int = 256,
                 level: Optional[int] = None,
                 size: Optional[Sequence[int]] = None,
                 seed: int = 0,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        _check_int('max_positions', max_positions, at_least=2)
        _check_int('seed', seed, at_least=0)
        check_level(level)
        if size is not None:
            if not isinstance(size, (tuple, list)) or len(size) != 2:
                raise TypeError('size must be a height and a width, such as '
                                f'(16, 32), but is {size!r}.')
            for length in size:
                _check_int('each of size', length, at_least=1)
        self.max_positions = max_positions
        self.level = level
        self.size = size and tuple(size)
        self.seed = seed
        self.map_size: Optional[Tuple[int, int]] = None

    def forward_train(self, feature: Maps) -> Tensor:
        """Select positions from the maps of a batch.

        Args:
            feature (Tensor or Sequence[Tensor]): A map, (n, c, h, w), or a
                tuple or list of maps, the levels of a pyramid.

        Returns:
            Tensor: (m, c), where m is the smaller of ``max_positions`` and
            n·h·w.

        Raises:
            TypeError: If the feature is not a tensor.
            ValueError: If there are several levels and ``level`` is None,
                there is no such level, or the feature is not a map.
        """
        x = select_map(feature, self.level, type(self).__name__)
        if self.size is not None:
            x = F.interpolate(x, self.size, mode='bilinear')
        n, _, h, w = x.shape
        self.map_size = (h, w)
        image, row, column = (
            copy_to(x.device, index)
            for index in _draw(n, h, w, self.max_positions, self.seed))
        return x[image, :, row, column]

    def extra_repr(self) -> str:
        return (f'max_positions={self.max_positions}, level={self.level}, '
                f'size={self.size}, seed={self.seed}')


# torch.compile would make the iteration a constant.
@torch.compiler.disable
def _draw(n: int, h: int, w: int, most: int, seed: int) -> Tuple[Tensor, ...]:
    """Draw positions of n maps: indices of images, rows and columns."""
    iteration = MessageHub.get_current_instance().get_info('iter', 0)
    random = np.random.default_rng((seed, iteration))
    total = n * h * w
    chosen = random.choice(
        total, min(most, total), replace=False, shuffle=False)
    return tuple(map(torch.from_numpy, np.unravel_index(chosen, (n, h, w))))


def _check_int(name: str, value: int, at_least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f'{name} must be an int, but is {value!r}.')
    if value < at_least:
        raise ValueError(f'{name} must be at least {at_least}, but is '
                         f'{value}.')
