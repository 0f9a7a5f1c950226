"""Hooks: checks of recipes and checkpoints, resuming, pictures, measures."""
from .accumulated_gradients_hook import AccumulatedGradientsHook
from .class_check_hook import ClassCheckHook
from .correlation_visualization_hook import CorrelationVisualizationHook
from .epoch_seed_hook import EpochSeedHook
from .finite_weights_hook import FiniteWeightsHook
from .gradient_ratio_hook import GradientRatioHook, gradient_ratios
from .log_history_hook import LogHistoryHook
from .repeatable_views_hook import RepeatableViewsHook
from .resumed_validation_hook import ResumedValidationHook
from .save_on_sigterm_hook import SaveOnSigtermHook
from .strict_checkpoint_hook import StrictCheckpointHook
from .teacher_store_hook import TeacherStoreHook

__all__ = [
    'AccumulatedGradientsHook', 'ClassCheckHook',
    'CorrelationVisualizationHook', 'EpochSeedHook', 'FiniteWeightsHook',
    'GradientRatioHook', 'LogHistoryHook', 'RepeatableViewsHook',
    'ResumedValidationHook', 'SaveOnSigtermHook', 'StrictCheckpointHook',
    'TeacherStoreHook', 'gradient_ratios'
]
