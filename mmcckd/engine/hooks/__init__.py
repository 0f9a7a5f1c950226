from .class_check_hook import ClassCheckHook
from .correlation_visualization_hook import CorrelationVisualizationHook
from .epoch_seed_hook import EpochSeedHook

__all__ = ['ClassCheckHook', 'CorrelationVisualizationHook', 'EpochSeedHook']
