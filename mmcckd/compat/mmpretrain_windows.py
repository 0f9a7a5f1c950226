"""Trace networks with windows (Swin, DaViT, MixMIM) for any batch size.

MMPretrain's ``window_reverse`` computes the batch size as
``int(windows.shape[0] / …)``. When ``torch.onnx.export`` traces the network,
``int`` turns it into a constant. The ONNX file is then correct for the traced
batch size, and wrong, without an error, for all others.

Can be deleted when MMPretrain divides with ``//``.
"""
from contextlib import contextmanager
from typing import Iterator

from mmpretrain.models.backbones.mixmim import MixMIMBlock
from mmpretrain.models.utils import ShiftWindowMSA
from torch import Tensor

OWNERS = (ShiftWindowMSA, MixMIMBlock)


@contextmanager
def windows_of_any_batch() -> Iterator[None]:
    """Keep the batch size in the graphs that are traced in this context."""
    originals = [vars(owner)['window_reverse'] for owner in OWNERS]
    try:
        for owner in OWNERS:
            owner.window_reverse = staticmethod(window_reverse)
        yield
    finally:
        for owner, original in zip(OWNERS, originals):
            owner.window_reverse = original


def window_reverse(windows: Tensor, height: int, width: int,
                   window_size: int) -> Tensor:
    """Merge windows into images.

    Args:
        windows (Tensor): (n * rows * columns, window_size, window_size, c).
        height (int): rows * window_size.
        width (int): columns * window_size.
        window_size (int): Height and width of a window.

    Returns:
        Tensor: (n, height, width, c).
    """
    rows, columns = height // window_size, width // window_size
    n = windows.shape[0] // (rows * columns)
    images = windows.view(n, rows, columns, window_size, window_size, -1)
    return images.transpose(2, 3).reshape(n, height, width, -1)
