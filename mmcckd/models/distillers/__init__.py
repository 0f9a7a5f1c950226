"""Checks of MMRazor's distillers: recorders, connectors, losses and mappings
of a recipe are checked before training. And a measure of a loss's gradient."""
from .configurable_distiller import check_recipes_of_distillers
from .gradient_ratio import GradientRatioMeter

__all__ = ['GradientRatioMeter', 'check_recipes_of_distillers']
