"""Pictures of what re-identification models find, and of correlations.

    config, checkpoint -> model ─┐
    test set -> chosen queries ──┴─> search -> rankings -> picture, page

    correlation matrices of a batch -> correlation_picture (engine/hooks)
"""
from .reid_model import ReIDModel, Search
from .reid_page import write_page
from .reid_picture import MAX_ROWS, write_picture
from .reid_test_set import ReIDTestSet

__all__ = [
    'MAX_ROWS', 'ReIDModel', 'ReIDTestSet', 'Search', 'write_page',
    'write_picture'
]
