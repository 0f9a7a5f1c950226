from .command_line import add_config_arguments, load_config
from .distributed import init_distributed
from .hooks import (
    ClassCheckHook,
    CorrelationVisualizationHook,
    EpochSeedHook,
)
from .loops import FrozenTeacherDistillValLoop

__all__ = [
    'ClassCheckHook', 'CorrelationVisualizationHook', 'EpochSeedHook',
    'FrozenTeacherDistillValLoop', 'add_config_arguments', 'init_distributed',
    'load_config'
]
