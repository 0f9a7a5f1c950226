"""Pictures of the rank lists of re-identification models.

    config, checkpoint -> model ───┐
    test set -> selected queries ──┴─> search -> rankings -> picture, page
"""
from .rank_list_page import write_page
from .rank_list_picture import MAX_ROWS, write_picture
from .reid_model import ReIDModel, Search
from .small_rank_lists import write_small_rank_lists
from .test_set import ReIDTestSet

__all__ = [
    'MAX_ROWS', 'ReIDModel', 'ReIDTestSet', 'Search', 'write_page',
    'write_picture', 'write_small_rank_lists'
]
