"""Checks of MMRazor's distillers: recorders, connectors, losses and mappings
of a recipe are checked before training."""
from .configurable_distiller import let_distillers_check_their_recipe

__all__ = ['let_distillers_check_their_recipe']
