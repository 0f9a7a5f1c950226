from .correlation_congruence_loss import (
                                          CorrelationCongruenceLoss,
                                          check_loss_weight,
)
from .triplet_loss import BatchHardTripletLoss

__all__ = [
    'BatchHardTripletLoss', 'CorrelationCongruenceLoss', 'check_loss_weight'
]
