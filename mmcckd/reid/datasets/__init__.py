"""Data sets of person re-identification."""
from .joined_reid_dataset import JoinedReIDDataset
from .market1501 import Market1501
from .msmt17 import MSMT17

__all__ = ['JoinedReIDDataset', 'MSMT17', 'Market1501']
