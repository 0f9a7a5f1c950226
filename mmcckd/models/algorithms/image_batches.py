"""Batches of images, which mmdet3d's networks get in a dict."""
from typing import Dict, Union

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map

Images = Union[Tensor, Dict[str, Tensor]]  # (n, c, h, w), or dict(imgs=…)


def device_of(images: Images) -> torch.device:
    """Return the device of a batch."""
    leaves, _ = tree_flatten(images)
    return leaves[0].device


def first_image(images: Images) -> Images:
    """Return a batch of the first image."""
    return tree_map(lambda batch: batch[:1], images)


def in_channels_last(images: Images) -> Images:
    """Return a batch in the memory format ``torch.channels_last``."""
    return tree_map(
        lambda batch: batch.contiguous(memory_format=torch.channels_last),
        images)
