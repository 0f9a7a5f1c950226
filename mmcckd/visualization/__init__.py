"""Pictures of the correlations of a batch."""
from .correlation_picture import draw_correlations

__all__ = ['draw_correlations']
