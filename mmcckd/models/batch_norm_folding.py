"""Fold BatchNorm into the convolution before it, for inference.

In eval mode, BatchNorm computes ``a x + b`` for each channel, with constants a
and b. If the output of a convolution is only used by a BatchNorm, a and b can
be included in the weight and bias of the convolution.
"""
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Collection, Dict, List, Tuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.nn.utils.parametrize import is_parametrized
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

# A subclass may use its weight in another way.
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass
class FoldedNorm:
    """A BatchNorm that was folded into a convolution.

    Args:
        norm (nn.Module): The BatchNorm, unchanged.
        places (List[Tuple[nn.Module, str]]): The parents of the BatchNorm,
            and its name in each of them.
        conv (nn.Module): The convolution.
        conv_has_bias (bool): Whether the convolution had a bias before.
    """
    norm: nn.Module
    places: List[Tuple[nn.Module, str]]
    conv: nn.Module
    conv_has_bias: bool

    def put_back(self) -> None:
        """Restore the modules, but not the weights of the convolution, which
        must be loaded again."""
        if not self.conv_has_bias:
            self.conv.bias = None
        self.norm.to(self.conv.weight.device)
        for parent, name in self.places:
            setattr(parent, name, self.norm)


def fold_batch_norm(model: nn.Module,
                    forward: Callable[[], object],
                    keep: Collection[nn.Module] = ()) -> List[FoldedNorm]:
    """Fold each BatchNorm of a model that can be folded, in place.

    A forward pass shows which BatchNorm follows which convolution, since the
    order of the modules does not determine this. A BatchNorm is folded if both
    modules are called once, the convolution is not of a subclass, and only the
    BatchNorm uses its output.

    Args:
        model (nn.Module): The model, in eval mode. Each folded BatchNorm is
            replaced with ``nn.Identity``, and the weight and bias of its
            convolution with new ones.
        forward (Callable): Function that calls the model in the usual way,
            with any input, without autograd.
        keep (Collection[nn.Module]): Modules that are not changed, such as
            those that are recorded. Defaults to none.

    Returns:
        List[FoldedNorm]: The BatchNorms that were folded.
    """
    pairs = [(conv, norm) for conv, norm in _pairs(model, forward)
             if conv not in keep and norm not in keep]
    places = {norm: [] for _, norm in pairs}
    for parent in model.modules():
        for name, child in parent.named_children():
            if child in places:
                places[child].append((parent, name))
    folded = []
    for conv, norm in pairs:
        folded.append(
            FoldedNorm(norm, places[norm], conv, conv.bias is not None))
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var,
            norm.eps, norm.weight, norm.bias)
        for parent, name in places[norm]:
            setattr(parent, name, nn.Identity().eval())
    return folded


def _pairs(model: nn.Module, forward: Callable[[], object]
           ) -> List[Tuple[nn.Module, _BatchNorm]]:
    calls = Counter()  # number of calls of each module
    # id of an output -> the convolution that computed it
    made_by: Dict[int, nn.Module] = {}
    outputs = []  # kept alive, since ids of deleted tensors are used again
    found = []

    def after_conv(module, args, output):
        calls[module] += 1
        made_by[id(output)] = module
        outputs.append(output)
        uses.of[id(output)] = 0  # an earlier tensor may have had this id

    def before_norm(module, args):
        calls[module] += 1
        if id(args[0]) in made_by:
            found.append((made_by[id(args[0])], module, id(args[0])))

    hooks = []
    for module in model.modules():
        if type(module) in CONVOLUTIONS and not is_parametrized(module):
            hooks.append(module.register_forward_hook(after_conv))
        elif isinstance(module, _BatchNorm) and not module.training and (
                module.running_mean is not None):
            hooks.append(module.register_forward_pre_hook(before_norm))
    uses = _CountUses()
    try:
        with uses:
            forward()
    finally:
        for hook in hooks:
            hook.remove()
    return [(conv, norm) for conv, norm, output in found
            if calls[conv] == calls[norm] == uses.of[output] == 1]


class _CountUses(TorchDispatchMode):
    """Count the operations that use a tensor as input, by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.of = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        self.of.update({id(leaf) for leaf in tree_flatten((args, kwargs))[0]})
        return function(*args, **kwargs)
