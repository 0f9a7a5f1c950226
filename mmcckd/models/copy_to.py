"""Copy tensors to a GPU without waiting for it."""
import torch
from torch import Tensor


def copy_to(device: torch.device, tensor: Tensor) -> Tensor:
    """Copy a tensor of the CPU to a device.

    A copy from usual memory to a GPU waits until the GPU has done what was
    started before. A copy from pinned memory does not.

    Args:
        device (torch.device): The device.
        tensor (Tensor): The tensor, on the CPU.

    Returns:
        Tensor: The copy, or the tensor itself if the device is the CPU.
    """
    if device.type == 'cuda':
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
