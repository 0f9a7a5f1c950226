"""Compile the parts of a network in which nothing is recorded."""
from types import MethodType
from typing import Any, Callable, Collection, Optional

import torch
from mmengine.model import BaseDataPreprocessor
from torch import nn


def compile_unrecorded_parts(model: nn.Module,
                             recorded: Collection[nn.Module]) -> None:
    """``torch.compile`` the largest parts in which nothing is recorded.

    The parts are compiled in place. The hooks of a part itself run outside of
    the compiled code, so a recorder can record the inputs and outputs of the
    part. A part whose ``forward`` has been replaced already, for example by
    this function, is left unchanged.

    Args:
        model (nn.Module): The network.
        recorded (Collection[nn.Module]): The modules that recorders record.
    """
    for child in model.children():
        if isinstance(child, BaseDataPreprocessor):
            continue  # not a part of the network; random if it mixes batches
        inside = set(child.modules()) - {child}
        if not inside.isdisjoint(recorded):
            compile_unrecorded_parts(child, recorded)
        elif 'forward' not in vars(child):
            child.forward = _CompiledForward(child)


def undo_compilation(model: nn.Module) -> None:
    """Undo :func:`compile_unrecorded_parts`, in place.

    Args:
        model (nn.Module): The network.
    """
    for module in model.modules():
        if isinstance(vars(module).get('forward'), _CompiledForward):
            del module.forward


class _CompiledForward:
    """The ``forward`` of a module, compiled when it is called first.

    The result of ``torch.compile`` is bound to one module and cannot be
    pickled, so it is left out of copies: a copy of the module uses its own
    weights and compiles again.
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
