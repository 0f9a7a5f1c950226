"""Fold BatchNorm into the convolution before it, for inference.

In eval mode BatchNorm is ``a x + b`` for each channel, with constants a and b,
so that a convolution whose output goes there, and nowhere else, can carry it
in its own weight and bias.
"""
from collections import Counter
from typing import Callable, Collection, Dict, List, Tuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.nn.utils.parametrize import is_parametrized
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

# A subclass may do something else with its weight than to convolve.
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def fold_batch_norm(model: nn.Module,
                    forward: Callable[[], object],
                    keep: Collection[nn.Module] = ()) -> int:
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
        int: How many were folded.
    """
    pairs = [(conv, norm) for conv, norm in _pairs(model, forward)
             if conv not in keep and norm not in keep]
    for conv, norm in pairs:
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var,
            norm.eps, norm.weight, norm.bias)
    folded = {norm for _, norm in pairs}
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if child in folded:
                setattr(parent, name, nn.Identity().eval())
    return len(pairs)


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
