from .correlation_visualization_hook import CorrelationVisualizationHook
from .epoch_seed_hook import EpochSeedHook

__all__ = ['CorrelationVisualizationHook', 'EpochSeedHook']
