from .correlation_visualization_hook import CorrelationVisualizationHook
from .epoch_seed_hook import EpochSeedHook
from .strict_checkpoint_hook import StrictCheckpointHook

__all__ = [
    'CorrelationVisualizationHook', 'EpochSeedHook', 'StrictCheckpointHook'
]
