import torch

_is_compiling = getattr(torch.compiler, 'is_compiling', lambda: False)


def is_transformed() -> bool:
    """Whether ``torch.compile`` or a transform of ``torch.func`` is tracing.

    Neither of the two can trace the autograd functions of this package, which
    use in-place operations and gradients in closed form. Plain formulas are
    used instead.
    """
    return _is_compiling() or torch._C._are_functorch_transforms_active()
