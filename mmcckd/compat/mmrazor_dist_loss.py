"""Run MMRazor's recipe that prunes with group Fisher and distills with DIST.

``group_fisher_act_finetune_resnet50_8xb32_in1k_dist.py`` gives ``DISTLoss``
the arguments ``preds_S`` and ``preds_T``, the names in most of MMRazor's
losses, but this loss calls them ``logits_S`` and ``logits_T``.

Can be deleted when MMRazor's recipe has the names of its loss.
"""
from typing import Optional

from mmrazor.models.losses import DISTLoss
from torch import Tensor


def accept_predictions_in_dist_loss() -> None:
    """Accept both names in the forward function of ``DISTLoss``."""
    compute = DISTLoss.forward

    def forward(self,
                logits_S: Optional[Tensor] = None,
                logits_T: Optional[Tensor] = None,
                preds_S: Optional[Tensor] = None,
                preds_T: Optional[Tensor] = None) -> Tensor:
        return compute(self, logits_S if preds_S is None else preds_S,
                       logits_T if preds_T is None else preds_T)

    DISTLoss.forward = forward
