"""Fold BatchNorm into the convolution before it, for inference.

In eval mode BatchNorm is ``a x + b`` for each channel, with constants a and b,
so that a convolution whose output goes there, and nowhere else, can carry it
in its own weight and bias.
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

# A subclass may do something else with its weight than to convolve.
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass
class FoldedNorm:
    """A BatchNorm that a convolution carries.

    Args:
        norm (nn.Module): The BatchNorm, as it was.
        places (List[Tuple[nn.Module, str]]): Its parents, and its name there.
        conv (nn.Module): The convolution.
        conv_has_bias (bool): Whether it had one of its own.
    """
    norm: nn.Module
    places: List[Tuple[nn.Module, str]]
    conv: nn.Module
    conv_has_bias: bool

    def put_back(self) -> None:
        """Restore the modules, but not the convolution's weights: they are
        to be loaded."""
        if not self.conv_has_bias:
            self.conv.bias = None
        self.norm.to(self.conv.weight.device)
        for parent, name in self.places:
            setattr(parent, name, self.norm)


def fold_batch_norm(model: nn.Module,
                    forward: Callable[[], object],
                    keep: Collection[nn.Module] = ()) -> List[FoldedNorm]:
    """Fold each BatchNorm of a model that can be folded, in place.

    Which one follows which convolution is seen in a forward pass, not guessed
    from the order of the modules. Folded is a pair in which either runs once,
    the convolution is an ordinary one, and its output is used by the
    BatchNorm alone.

    Args:
        model (nn.Module): In eval mode. A folded BatchNorm is replaced by
            ``nn.Identity``; weights of its convolution by new ones.
        forward (Callable): Runs the model as it will be run, on any input,
            without autograd.
        keep (Collection[nn.Module]): Modules to leave alone, for somebody
            listens to them. Defaults to none.

    Returns:
        List[FoldedNorm]: What was folded.
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
    calls = Counter()  # of modules
    made_by: Dict[int, nn.Module] = {}  # outputs of convolutions, by id
    outputs = []  # kept alive, for an id is only unique as long
    found = []

    def after_conv(module, args, output):
        calls[module] += 1
        made_by[id(output)] = module
        outputs.append(output)
        uses.of[id(output)] = 0  # of one that had this id before

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
    """How many operations took a tensor, by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.of = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        self.of.update({id(leaf) for leaf in tree_flatten((args, kwargs))[0]})
        return function(*args, **kwargs)
