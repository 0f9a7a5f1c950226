import torch

if hasattr(torch.compiler, 'is_compiling'):
    _is_compiling = torch.compiler.is_compiling
else:  # torch 2.1
    _is_compiling = torch._utils.is_compiling


def is_transformed() -> bool:
    """Whether ``torch.compile`` or a transform of ``torch.func`` is tracing.

    Neither of the two can trace the autograd functions of this package, which
    use in-place operations and gradients in closed form. Plain formulas are
    used instead.
    """
    return _is_compiling() or torch._C._are_functorch_transforms_active()
