"""Hooks: checks of recipes and checkpoints, resuming, pictures, measures."""
from .accumulated_gradients_hook import AccumulatedGradientsHook
from .class_check_hook import ClassCheckHook
from .correlation_visualization_hook import CorrelationVisualizationHook
from .epoch_seed_hook import EpochSeedHook
from .finite_weights_hook import FiniteWeightsHook
from .gradient_ratio_hook import GradientRatioHook, gradient_ratios
from .repeatable_views_hook import RepeatableViewsHook
from .skipped_updates_hook import SkippedUpdatesHook
from .strict_checkpoint_hook import StrictCheckpointHook
from .teacher_store_hook import TeacherStoreHook

__all__ = [
    'AccumulatedGradientsHook', 'ClassCheckHook',
    'CorrelationVisualizationHook', 'EpochSeedHook', 'FiniteWeightsHook',
    'GradientRatioHook', 'RepeatableViewsHook', 'SkippedUpdatesHook',
    'StrictCheckpointHook', 'TeacherStoreHook', 'gradient_ratios'
]
