from .correlation_congruence_loss import CorrelationCongruenceLoss

__all__ = ['CorrelationCongruenceLoss']
