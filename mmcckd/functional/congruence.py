import math
from typing import Optional

import torch
from torch import Tensor

from .late_check import LateCheck
from .transforms import is_transformed

# How many differences are computed at once on the CPU, so that they are still
# in the cache when they are squared.
CACHED = 2**17


def correlation_congruence(student: Tensor,
                           teacher: Tensor,
                           late_check: Optional[LateCheck] = None) -> Tensor:
    r"""Mean squared difference of two correlation matrices.

    As defined by Peng et al., *Correlation Congruence for Knowledge
    Distillation*, ICCV 2019:

    .. math::
        L_{CC} = \frac{1}{n^2} \sum_{i,j}
        \left(\varphi(f^s_i, f^s_j) - \varphi(f^t_i, f^t_j)\right)^2

    The kernel φ is applied before (:mod:`.kernels`).

    Args:
        student (Tensor): The student's correlation matrix, (n, m).
        teacher (Tensor): The teacher's, of the same shape. No gradient
            reaches it.
        late_check (LateCheck, optional): What checks for NaN on a GPU, one
            call later, see :func:`late_nan_check`. Defaults to None: there is
            no check on a GPU, which would wait for the loss.

    Returns:
        Tensor: The loss, a scalar in float32 at least.

    Raises:
        TypeError: If a matrix is not a floating-point tensor.
        ValueError: If the matrices differ in shape, are not 2-D, or hold NaN;
            the message says which side does. The check for NaN is left out
            under ``torch.compile`` and the transforms of ``torch.func``.
    """
    for side, matrix in (('student', student), ('teacher', teacher)):
        if not isinstance(matrix, Tensor) or not matrix.is_floating_point():
            raise TypeError(
                f'The correlation matrix of the {side} must be a '
                'floating-point tensor, but is '
                f'{getattr(matrix, "dtype", type(matrix).__name__)}; apply '
                'a kernel (in a recipe, a kernel connector) before the loss.')
    if student.dim() != 2 or student.shape != teacher.shape:
        raise ValueError(
            'The correlation congruence loss compares two correlation '
            'matrices of one shape (n, m), but the student has '
            f'{tuple(student.shape)} and the teacher '
            f'{tuple(teacher.shape)}; give each side a kernel (in a recipe, a '
            'kernel connector), over the same samples.')
    student, teacher = _widen(student), _widen(teacher.detach())
    if is_transformed():
        return (student - teacher).square().mean()
    loss = _MeanSquare.apply(student, teacher)
    if loss.device.type != 'cuda':
        if loss.isnan():
            _raise_for_nan(
                student=student.isnan().any(1), teacher=teacher.isnan().any(1))
    elif late_check is not None:
        # A row with NaN has the sum NaN.
        late_check(
            torch.cat([
                loss.detach()[None],
                student.detach().sum(1),
                teacher.sum(1),
            ]))
    return loss


def late_nan_check() -> LateCheck:
    """What a module keeps from one step to the next to find NaN on a GPU.

    Returns:
        LateCheck: A check of the loss and the sums of the rows of both
        matrices.
    """
    return LateCheck(_check_row_sums)


def _check_row_sums(values: Tensor) -> None:
    loss, sums = values[0], values[1:]
    if loss.isnan():
        student, teacher = sums.isnan().chunk(2)
        _raise_for_nan(student=student, teacher=teacher)


class _MeanSquare(torch.autograd.Function):
    """``mean((s − t)²)``.

    F.mse_loss allocates two more n × m matrices. The norms of the rows need
    none, and their sums are short enough for float32. The two matrices are
    saved, rather than another one with their difference.
    """

    @staticmethod
    def forward(ctx, student, teacher):
        ctx.save_for_backward(student, teacher)
        pairs = [(student, teacher)]
        if student.device.type == 'cpu' and student.numel() > CACHED:
            rows = max(1, CACHED // student.shape[1])
            pairs = zip(student.split(rows), teacher.split(rows))
        squares = [
            torch.linalg.vector_norm(s - t, dim=1).square().sum()
            for s, t in pairs
        ]
        return sum(squares) / student.numel()

    @staticmethod
    def backward(ctx, grad_loss):
        student, teacher = ctx.saved_tensors
        scale = grad_loss * (2 / student.numel())
        return (student - teacher).mul_(scale), None


def check_loss_weight(name: str, value: float) -> None:
    """Check that a value can weigh a loss.

    Raises:
        TypeError: If it is not a number.
        ValueError: If it is negative or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f'{name} must be a number, but is {value!r}.')
    if not 0 <= value < math.inf:
        raise ValueError(
            f'{name} must be at least 0 and finite, but is {value}.')


def _widen(matrix: Tensor) -> Tensor:
    return matrix.float() if matrix.dtype.itemsize < 4 else matrix


def _raise_for_nan(**rows: Tensor) -> None:
    """Raise an error that says which rows of which side contain NaN."""
    broken = [
        f"the {side}'s in {int(nan.sum())} of {len(nan)} rows"
        for side, nan in rows.items() if nan.any()
    ]
    found = ' and '.join(broken) or 'neither side, but both are infinite'
    raise ValueError(
        f'NaN in the correlation matrices: {found}. The features contain NaN '
        'or Inf; look for a diverged student (lower the learning '
        'rate or the loss weights), a broken teacher checkpoint, or an input '
        'that is not finite.')
