import math

import torch
from mmrazor.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class CorrelationCongruenceLoss(nn.Module):
    r"""Correlation congruence, the mean squared difference of correlations.

    As defined by Peng et al., *Correlation Congruence for Knowledge
    Distillation*, ICCV 2019:

    .. math::
        L_{CC} = \frac{1}{n^2} \sum_{i,j}
        \left(\varphi(f^s_i, f^s_j) - \varphi(f^t_i, f^t_j)\right)^2

    The kernel φ is applied before, by a kernel connector on either side.

    Args:
        loss_weight (float): The β of the objective
            ``α L_CE + (1 − α) L_KD + β L_CC``, ≥ 0. Defaults to 1.0.

    Raises:
        TypeError: If ``loss_weight`` is not a number.
        ValueError: If it is negative or not finite.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_loss_weight('loss_weight', loss_weight)
        self.loss_weight = loss_weight

    def forward(self, preds_S: Tensor, preds_T: Tensor) -> Tensor:
        """Compare the student's correlations with the teacher's.

        Args:
            preds_S (Tensor): The student's correlation matrix, (n, m).
            preds_T (Tensor): The teacher's, of the same shape. No gradient
                reaches it.

        Returns:
            Tensor: The weighted loss, a scalar in float32 at least.

        Raises:
            TypeError: If a matrix is not a floating-point tensor.
            ValueError: If the matrices differ in shape, are not 2-D, or hold
                NaN; the message says which side does. (The check waits for
                the loss: one synchronisation a step on a GPU.)
        """
        for side, matrix in (('student', preds_S), ('teacher', preds_T)):
            if not isinstance(matrix,
                              Tensor) or not matrix.is_floating_point():
                raise TypeError(
                    f'The correlation matrix of the {side} must be a '
                    'floating-point tensor, but is '
                    f'{getattr(matrix, "dtype", type(matrix).__name__)}; put '
                    'a kernel connector before the loss.')
        if preds_S.dim() != 2 or preds_S.shape != preds_T.shape:
            raise ValueError(
                'CorrelationCongruenceLoss compares two correlation matrices '
                'of one shape (n, m), but the student has '
                f'{tuple(preds_S.shape)} and the teacher '
                f'{tuple(preds_T.shape)}; give each side a kernel connector, '
                'over the same samples.')
        loss = _MeanSquaredDifference.apply(
            _widen(preds_S), _widen(preds_T.detach()))
        if loss.isnan():
            _raise_for_nan(student=preds_S, teacher=preds_T)
        return self.loss_weight * loss

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight:g}'


class _MeanSquaredDifference(torch.autograd.Function):
    """``mean((s − t)²)`` with a gradient for s.

    F.mse_loss fills two more n × m matrices on the way. Norms row by row fill
    none, and keep the sums short enough for float32.
    """

    @staticmethod
    def forward(ctx, s, t):
        difference = s - t
        ctx.save_for_backward(difference)
        rows = torch.linalg.vector_norm(difference, dim=1)
        return rows.square().sum() / difference.numel()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_loss):
        difference, = ctx.saved_tensors
        return difference * (grad_loss * (2 / difference.numel())), None


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


def _raise_for_nan(**matrices: Tensor) -> None:
    broken = [
        f"the {side}'s in {int(matrix.isnan().any(1).sum())} of "
        f'{len(matrix)} rows' for side, matrix in matrices.items()
        if matrix.isnan().any()
    ]
    found = ' and '.join(broken) or 'neither side, but both are infinite'
    raise ValueError(
        f'NaN in the correlation matrices: {found}. The features it was made '
        'of hold NaN or Inf; look for a diverged student (lower the learning '
        'rate or the loss weights), a broken teacher checkpoint, or an input '
        'that is not finite.')
