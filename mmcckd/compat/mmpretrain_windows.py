"""Let networks of windows (Swin, DaViT, MixMIM) be traced for any batch.

MMPretrain's ``window_reverse`` computes the size of the batch by
``int(windows.shape[0] / …)``. While ``torch.onnx.export`` traces, ``int``
makes a constant of it, so that the ONNX file is right for batches as large as
the traced one, and wrong, without an error, for all others.

Can be deleted when MMPretrain divides by ``//``.
"""
from contextlib import contextmanager
from typing import Iterator

from mmpretrain.models.backbones.mixmim import MixMIMBlock
from mmpretrain.models.utils import ShiftWindowMSA
from torch import Tensor

OWNERS = (ShiftWindowMSA, MixMIMBlock)


@contextmanager
def windows_of_any_batch() -> Iterator[None]:
    """Within it, the size of the batch stays a part of the traced graph."""
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
    """Put the windows of images together again.

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
