from .accumulated_gradients_hook import AccumulatedGradientsHook
from .class_check_hook import ClassCheckHook
from .correlation_visualization_hook import CorrelationVisualizationHook
from .epoch_seed_hook import EpochSeedHook

__all__ = [
    'AccumulatedGradientsHook', 'ClassCheckHook',
    'CorrelationVisualizationHook', 'EpochSeedHook'
]
