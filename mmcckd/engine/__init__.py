"""What a training run is built from: configs, runner, hooks and loops."""
from .config_arguments import add_config_arguments, load_config
from .distributed import init_distributed
from .hooks import (
    AccumulatedGradientsHook,
    ClassCheckHook,
    CorrelationVisualizationHook,
    EpochSeedHook,
    RepeatableViewsHook,
    StrictCheckpointHook,
    TeacherStoreHook,
)
from .loops import FrozenTeacherDistillValLoop
from .runner import build_runner

__all__ = [
    'AccumulatedGradientsHook', 'ClassCheckHook',
    'CorrelationVisualizationHook', 'EpochSeedHook',
    'FrozenTeacherDistillValLoop', 'RepeatableViewsHook',
    'StrictCheckpointHook', 'TeacherStoreHook', 'add_config_arguments',
    'build_runner', 'init_distributed', 'load_config'
]
