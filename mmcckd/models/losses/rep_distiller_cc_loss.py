from mmrazor.registry import MODELS
from torch import Tensor, nn

from mmcckd.functional.congruence import check_loss_weight


@MODELS.register_module()
class RepDistillerCCLoss(nn.Module):
    r"""The loss that many published tables call "CC", for comparison only.

    It is not the loss of the paper, which is
    :class:`CorrelationCongruenceLoss`. The CRD tables (Tian et al.,
    *Contrastive Representation Distillation*, ICLR 2020) and the papers that
    extend them report the results of this loss, which is in their code,
    RepDistiller. For features :math:`f_1, \dots, f_n` of a batch, of shape
    (n, d):

    .. math::
        L = \frac{1}{n - 1} \sum_{i=1}^{n-1} \sum_{k=1}^{d}
        \left|f^s_{i,k} - f^t_{i,k}\right|
        \left|f^s_{i+1,k} - f^t_{i+1,k}\right|

    It depends on the order of the samples in the batch. In the tables, the
    features of both networks are mapped to d = 128 by a linear layer each,
    both of which are trained, and the weight of the loss is 0.02. The gradient
    therefore also reaches ``preds_T``.

    Args:
        loss_weight (float): Weight of the loss, ≥ 0. Defaults to 0.02, as in
            the tables.

    Raises:
        TypeError: If ``loss_weight`` is not a number.
        ValueError: If it is negative or not finite.
    """

    def __init__(self, loss_weight: float = 0.02) -> None:
        super().__init__()
        check_loss_weight('loss_weight', loss_weight)
        self.loss_weight = loss_weight

    def forward(self, preds_S: Tensor, preds_T: Tensor) -> Tensor:
        """Compare the embedded features of the student with the teacher's.

        Args:
            preds_S (Tensor): The student's embedded features, (n, d), n ≥ 2.
            preds_T (Tensor): The teacher's, of the same shape.

        Returns:
            Tensor: The weighted loss, a scalar.

        Raises:
            ValueError: If the features differ in shape, are not 2-D, or are of
                fewer than two samples.
        """
        if preds_S.shape != preds_T.shape or preds_S.dim() != 2 or (
                len(preds_S) < 2):
            raise ValueError(
                'RepDistillerCCLoss compares features of one shape (n, d), of '
                'at least two samples, but the student has '
                f'{tuple(preds_S.shape)} and the teacher '
                f'{tuple(preds_T.shape)}; map both to the same width with a '
                'linear connector.')
        difference = (preds_S - preds_T).abs()
        products = difference[:-1] * difference[1:]
        return self.loss_weight * products.sum(1).mean()

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight:g}'
