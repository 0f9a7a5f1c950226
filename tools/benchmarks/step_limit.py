"""Estimate the least time of a training step from its arithmetic and memory.

Matrix products and memory copies are timed on the same device. The limit of a
layer is the time that it needs at their rates: that of its arithmetic or that
of reading and writing its tensors, whichever is longer. Tensors that stay in
a cache between two layers can make a step faster than this limit.
"""
import time
from typing import Callable, Tuple

import torch
from torch import nn

ACTIVATIONS = (nn.ReLU, nn.ReLU6)
DTYPES = {
    'float32': torch.float32,
    'TF32': torch.float32,
    'AMP': torch.bfloat16
}


def rates(device: torch.device, precision: str) -> Tuple[float, float]:
    """Measure the rates of a device.

    Args:
        device (torch.device): The device.
        precision (str): A key of ``DTYPES``.

    Returns:
        Tuple[float, float]: FLOP/s of a matrix product, and bytes/s of a copy,
        read and written bytes both counted.
    """
    n = 8192 if device.type == 'cuda' else 2048
    a, b = torch.randn(2, n, n, device=device, dtype=DTYPES[precision])
    source = torch.randn(1 << 26, device=device)
    target = torch.empty_like(source)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = precision == 'TF32'
    result = (2 * n**3 / _seconds(lambda: a @ b, device),
              2 * source.nbytes / _seconds(lambda: target.copy_(source),
                                           device))
    torch.backends.cuda.matmul.allow_tf32 = before
    return result


def step_limit(network: nn.Module, images: torch.Tensor, trained: bool,
               rates: Tuple[float, float], itemsize: int) -> float:
    """Estimate the least time of a step of a network.

    Linear layers, convolutions, BatchNorms and activations are counted, and
    not the additions of residual blocks, the loss and the optimizer. If the
    network is not trained, BatchNorms take no time, since they can be folded.

    Args:
        network (nn.Module): The network.
        images (torch.Tensor): Preprocessed images.
        trained (bool): Whether the backward pass is included.
        rates (Tuple[float, float]): See :func:`rates`.
        itemsize (int): Bytes of a number.

    Returns:
        float: Seconds.
    """
    flops_per_s, bytes_per_s = rates
    seconds = []

    def count(module, inputs, output):
        x = inputs[0]
        passes = 0  # over the output, in or out
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            flops = 2 * output.numel() * module.weight[0].numel()
            moved = itemsize * (x.numel() + output.numel())
            # The gradients of input and weights take as long as the output.
            # That of the images is not needed.
            times = (3 if x.shape[1] > 3 else 2) if trained else 1
            seconds.append(
                times * max(flops / flops_per_s, moved / bytes_per_s))
        elif isinstance(module, nn.BatchNorm2d) and trained:
            # Forward: statistics, and then normalization. Backward: sums over
            # gradient and input, and then the gradient of the input.
            passes = 3 + 5
        elif isinstance(module, ACTIVATIONS):
            passes = 2 + 3 if trained else 2
        seconds.append(passes * itemsize * output.numel() / bytes_per_s)

    handles = [
        module.register_forward_hook(count) for module in network.modules()
        if not list(module.children())
    ]
    was_training = network.training
    network.eval()
    with torch.no_grad():
        network(images, mode='tensor')
    network.train(was_training)
    for handle in handles:
        handle.remove()
    return sum(seconds)


def synchronize(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize()


def _seconds(function: Callable, device: torch.device) -> float:
    seconds = []
    for _ in range(6):
        synchronize(device)
        start = time.perf_counter()
        function()
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
