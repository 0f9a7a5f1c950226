from .command_line import add_config_arguments, load_config
from .distributed import init_distributed
from .hooks import (
    AccumulatedGradientsHook,
    ClassCheckHook,
    CorrelationVisualizationHook,
    EpochSeedHook,
    StrictCheckpointHook,
)
from .loops import FrozenTeacherDistillValLoop
from .strict_loading import load_strictly

__all__ = [
    'AccumulatedGradientsHook', 'ClassCheckHook',
    'CorrelationVisualizationHook', 'EpochSeedHook',
    'FrozenTeacherDistillValLoop', 'StrictCheckpointHook',
    'add_config_arguments', 'init_distributed', 'load_config', 'load_strictly'
]
