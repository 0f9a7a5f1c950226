import torch

_is_compiling = getattr(torch.compiler, 'is_compiling', lambda: False)


def is_transformed() -> bool:
    """Whether ``torch.compile`` or a transform of ``torch.func`` is tracing.

    The autograd functions of this package work in place on what they
    allocate, and their gradients are closed forms, which neither of the two
    can trace. Under them, plain formulas take their place.
    """
    return _is_compiling() or torch._C._are_functorch_transforms_active()
