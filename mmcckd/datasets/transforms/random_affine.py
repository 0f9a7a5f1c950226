import math

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomAffine(BaseTransform):
    """Rotate, scale and shift an image by random amounts.

    The four amounts are independent and uniformly distributed. The image is
    transformed about its center, with bilinear interpolation, and keeps its
    size; pixels from outside of it are 0. The random numbers are those of
    NumPy's global generator, so that :class:`.EpochSeedHook` and
    :class:`.RepeatableViewsHook` determine them.

    Args:
        max_degrees (float): The largest rotation in both directions, from 0 to
            180. Defaults to 14.
        max_scale (float): The scale is between 1 − max_scale and
            1 + max_scale, 0 ≤ max_scale < 1. Defaults to 0.2.
        max_shift (float): The largest shift in both directions, as a fraction
            of width and height, from 0 to 1. Defaults to 0.125.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self,
                 max_degrees: float = 14,
                 max_scale: float = 0.2,
                 max_shift: float = 0.125) -> None:
        if not 0 <= max_degrees <= 180:
            raise ValueError('max_degrees must be between 0 and 180, but is '
                             f'{max_degrees}.')
        if not 0 <= max_scale < 1:
            raise ValueError('max_scale must be at least 0 and less than 1, '
                             f'but is {max_scale}.')
        if not 0 <= max_shift <= 1:
            raise ValueError('max_shift must be between 0 and 1, but is '
                             f'{max_shift}.')
        self.max_degrees = max_degrees
        self.max_scale = max_scale
        self.max_shift = max_shift

    def transform(self, results: dict) -> dict:
        """Transform ``img``.

        Args:
            results (dict): The sample, with ``img`` of shape (h, w) or
                (h, w, c). The array is not changed.

        Returns:
            dict: The sample with the new ``img``, of the same shape and dtype.
        """
        image = results['img']
        rotation, scale, x, y = np.random.uniform(-1, 1, 4).tolist()
        height, width = image.shape[:2]
        results['img'] = cv2.warpAffine(
            image,
            _matrix(
                math.radians(self.max_degrees * rotation),
                1 + self.max_scale * scale, self.max_shift * x * width,
                self.max_shift * y * height, width, height),
            (width, height)).reshape(image.shape)
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(max_degrees={self.max_degrees}, '
                f'max_scale={self.max_scale}, max_shift={self.max_shift})')


def _matrix(angle: float, scale: float, shift_x: float, shift_y: float,
            width: int, height: int) -> np.ndarray:
    """The 2 × 3 matrix that maps pixels of the image to pixels of the result.
    """
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    x, y = (width - 1) / 2, (height - 1) / 2  # the center
    return np.array([[cos, sin, shift_x + x - cos * x - sin * y],
                     [-sin, cos, shift_y + y + sin * x - cos * y]])
