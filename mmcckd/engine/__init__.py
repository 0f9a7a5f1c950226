from .command_line import add_config_arguments, load_config
from .distributed import init_distributed
from .hooks import (
    AccumulatedGradientsHook,
    CorrelationVisualizationHook,
    EpochSeedHook,
)
from .loops import FrozenTeacherDistillValLoop
from .runner import build_runner

__all__ = [
    'AccumulatedGradientsHook', 'CorrelationVisualizationHook',
    'EpochSeedHook', 'FrozenTeacherDistillValLoop', 'add_config_arguments',
    'build_runner', 'init_distributed', 'load_config'
]
