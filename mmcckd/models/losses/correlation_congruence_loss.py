from mmrazor.registry import MODELS
from torch import Tensor, nn

from mmcckd.functional import correlation_congruence
from mmcckd.functional.congruence import check_loss_weight, late_nan_check


@MODELS.register_module()
class CorrelationCongruenceLoss(nn.Module):
    """Correlation congruence, the mean squared difference of correlations.

    See :func:`mmcckd.functional.correlation_congruence` for the formula. The
    kernel is applied before, by a kernel connector on either side.

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
        self._late_check = late_nan_check()

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
                NaN; the message says which side does. NaN is found one step
                later on a GPU, without waiting for the loss.
        """
        return self.loss_weight * correlation_congruence(
            preds_S, preds_T, self._late_check)

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight:g}'
