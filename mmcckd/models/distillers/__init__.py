"""Checks of MMRazor's distillers: recorders, connectors, losses and mappings
of a recipe are checked before training."""
from .configurable_distiller import check_recipes_of_distillers

__all__ = ['check_recipes_of_distillers']
