"""The correlation congruence loss as an MMRazor component."""
from .correlation_congruence_loss import (
    CorrelationCongruenceLoss,
    check_loss_weight,
)
from .rep_distiller_cc_loss import RepDistillerCCLoss

__all__ = [
    'CorrelationCongruenceLoss', 'RepDistillerCCLoss', 'check_loss_weight'
]
