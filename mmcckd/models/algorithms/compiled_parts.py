"""Compile the parts of a network in which nobody listens."""
from types import MethodType
from typing import Any, Callable, Collection, Optional

import torch
from mmengine.model import BaseDataPreprocessor
from torch import nn


def compile_around(model: nn.Module, listened: Collection[nn.Module]) -> None:
    """``torch.compile`` the largest parts in which nobody listens, in place.

    A part's own hooks stay outside of what is compiled, so recorders hear it.
    A part whose ``forward`` was replaced before, also by this function, stays
    as it is.

    Args:
        model (nn.Module): A network.
        listened (Collection[nn.Module]): Modules that recorders listen to.
    """
    for child in model.children():
        if isinstance(child, BaseDataPreprocessor):
            continue  # not of the network, and random where it mixes batches
        inside = set(child.modules()) - {child}
        if not inside.isdisjoint(listened):
            compile_around(child, listened)
        elif 'forward' not in vars(child):
            child.forward = _CompiledForward(child)


class _CompiledForward:
    """The ``forward`` of a module, compiled when it is first called.

    A copy of the module computes with its own weights, and compiles anew: what
    ``torch.compile`` returns is of one module for ever, and no pickle can hold
    it.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.compiled: Optional[Callable] = None

    def __call__(self, *args, **kwargs) -> Any:
        if self.compiled is None:
            forward = MethodType(type(self.module).forward, self.module)
            self.compiled = torch.compile(forward)
        return self.compiled(*args, **kwargs)

    def __getstate__(self) -> dict:
        return dict(vars(self), compiled=None)
