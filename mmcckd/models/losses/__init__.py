"""The correlation congruence loss as an MMRazor component."""
from .correlation_congruence_loss import (
    CorrelationCongruenceLoss,
    check_loss_weight,
)

__all__ = ['CorrelationCongruenceLoss', 'check_loss_weight']
