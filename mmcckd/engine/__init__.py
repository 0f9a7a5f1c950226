"""What a training run is built from: configs, runner, hooks and loops."""
from mmcckd.arguments import add_config_arguments

from .config_arguments import load_config
from .distributed import init_distributed
from .hooks import (
    AccumulatedGradientsHook,
    ClassCheckHook,
    CorrelationVisualizationHook,
    EpochSeedHook,
    FiniteWeightsHook,
    GradientRatioHook,
    LogHistoryHook,
    RepeatableViewsHook,
    ResumedValidationHook,
    SaveOnSigtermHook,
    SkippedUpdatesHook,
    StrictCheckpointHook,
    TeacherStoreHook,
)
from .loops import FillTeacherStoreLoop, FrozenTeacherDistillValLoop
from .runner import build_runner
from .teacher_store_filling import fill_teacher_store

__all__ = [
    'AccumulatedGradientsHook', 'ClassCheckHook',
    'CorrelationVisualizationHook', 'EpochSeedHook', 'FillTeacherStoreLoop',
    'FiniteWeightsHook', 'FrozenTeacherDistillValLoop', 'GradientRatioHook',
    'LogHistoryHook', 'RepeatableViewsHook', 'ResumedValidationHook',
    'SaveOnSigtermHook', 'SkippedUpdatesHook', 'StrictCheckpointHook',
    'TeacherStoreHook', 'add_config_arguments', 'build_runner',
    'fill_teacher_store', 'init_distributed', 'load_config'
]
