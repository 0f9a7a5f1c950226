"""MMRazor's distillers: what a recipe says of its recorders, connectors,
losses and mappings is checked before training."""
from .configurable_distiller import let_distillers_check_their_recipe

__all__ = ['let_distillers_check_their_recipe']
