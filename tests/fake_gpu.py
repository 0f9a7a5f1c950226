"""A GPU without a GPU: tensors of ``FakeTensorMode``, which have no values.

An operation on tensors of two devices raises an error, and so does reading a
value, since there is none. Other synchronizations are blocking copies between
the devices, which :class:`NoWaiting` finds.
"""
from contextlib import ExitStack, contextmanager
from unittest import mock

import pytest
import torch
from mmengine.utils import digit_version
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

aten = torch.ops.aten
COPIES = (aten._to_copy.default, aten.copy_.default)
INDEXING = (aten.index.Tensor, aten.index_put.default,
            aten.index_put_.default)


class WaitsForGPU(Exception):
    """The CPU would wait for the GPU."""


@contextmanager
def fake_gpu():
    """Tensors and modules can be moved to ``'cuda'``.

    The autograd engine needs a real GPU. Autograd functions compute both of
    their passes at once instead.
    """
    patches = [
        mock.patch('torch.cuda.current_stream'),  # of events
        mock.patch.object(Tensor, 'pin_memory', lambda self: self),
        mock.patch.object(torch.autograd.Function, 'apply',
                          classmethod(_both_passes)),
        mock.patch.object(nn.Module, '_apply', _replace_tensors),
    ]
    with ExitStack() as stack:
        for context in (*patches, FakeTensorMode(allow_non_fake_inputs=True)):
            stack.enter_context(context)
        try:
            torch.empty(0, device='cuda')
        except RuntimeError:
            if digit_version(torch.__version__) >= digit_version('2.8'):
                raise
            pytest.skip('FakeTensorMode of this version needs a GPU')
        yield


class NoWaiting(TorchDispatchMode):
    """Raise ``WaitsForGPU`` where a copy between the devices is blocking."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = function(*args, **kwargs)
        devices = {
            x.device.type
            for x in tree_flatten((args, kwargs, out))[0]
            if isinstance(x, Tensor)
        }
        if devices == {'cpu', 'cuda'} and (
                function in INDEXING
                or function in COPIES and not kwargs.get('non_blocking')):
            raise WaitsForGPU(f'{function} copies between CPU and GPU.')
        return out


def _both_passes(function, *args):
    """The ``apply`` of an autograd function, with its backward pass."""
    context = mock.Mock(needs_input_grad=[
        isinstance(x, Tensor) and x.is_floating_point() for x in args
    ])
    context.save_for_backward = lambda *tensors: setattr(
        context, 'saved_tensors', tensors)
    with torch.no_grad():
        out = function.forward(context, *args)
        gradients = function.backward(context, torch.ones_like(out))
    if isinstance(gradients, Tensor):
        gradients = [gradients]
    for x, gradient in zip(args, gradients):
        if gradient is not None:
            assert (gradient.device, gradient.shape) == (x.device, x.shape)
    return out


def _replace_tensors(module, function, recurse=True):
    """``nn.Module._apply``, which cannot replace real tensors with fake ones.
    """
    for child in module.children():
        child._apply(function)
    for tensors in (module._parameters, module._buffers):
        for name, tensor in tensors.items():
            if tensor is None:
                continue
            moved = function(tensor.detach())
            if isinstance(tensor, nn.Parameter):
                moved = nn.Parameter(moved, tensor.requires_grad)
            tensors[name] = moved
    return module
