from .accumulated_gradients_hook import AccumulatedGradientsHook
from .correlation_visualization_hook import CorrelationVisualizationHook
from .epoch_seed_hook import EpochSeedHook

__all__ = [
    'AccumulatedGradientsHook', 'CorrelationVisualizationHook', 'EpochSeedHook'
]
