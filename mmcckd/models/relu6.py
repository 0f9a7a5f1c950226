"""ReLU6 in place, without a copy of its input.

In training, autograd needs the input or the output of an activation. For ReLU
in place it keeps the output, which the next layer keeps anyway. For ReLU6
(``hardtanh_`` in PyTorch 2.14) it copies the input first, although the output
would do: the gradient is zero where the output is 0 or 6. The copies are a
third of what a MobileNetV2 keeps for its backward pass.

Can be deleted when ``hardtanh_`` keeps its output.
"""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmcckd.functional.transforms import is_transformed


def keep_outputs_of_relu6(network: nn.Module) -> None:
    """Make each in-place ReLU6 keep its output for the backward pass.

    Outputs and gradients are bit-identical. As for ReLU in place, the output
    must not be changed in place after it.

    Args:
        network (nn.Module): The network. It is changed in place.
    """
    for module in network.modules():
        if type(module) is nn.ReLU6 and module.inplace:
            module.__class__ = _ReLU6


class _ReLU6(nn.ReLU6):

    def forward(self, input: Tensor) -> Tensor:
        if torch.jit.is_scripting():
            return F.relu6(input, inplace=True)
        else:  # not compiled by TorchScript
            return _relu6(input)


def _relu6(input: Tensor) -> Tensor:
    # TorchScript and torch.fx cannot trace autograd functions either.
    if (is_transformed() or torch.jit.is_tracing()
            or not isinstance(input, Tensor) or not torch.is_grad_enabled()):
        return F.relu6(input, inplace=True)
    return _Clamp.apply(input)


class _Clamp(torch.autograd.Function):
    """Clamp to [0, 6] in place."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        x.clamp_(0, 6)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        try:
            output, = ctx.saved_tensors
        except RuntimeError as error:
            raise RuntimeError(
                f'{error} If what follows a ReLU6(inplace=True) changes its '
                'output in place, such as Dropout(inplace=True) or "+=", set '
                'inplace=False in one of the two.') from error
        return torch.ops.aten.hardtanh_backward(grad, output, 0., 6.)
