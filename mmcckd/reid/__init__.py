"""Person re-identification: data sets, networks, evaluation and pictures."""
from .datasets import MSMT17, JoinedReIDDataset, Market1501
from .evaluation import Ranking, ReIDMetric, evaluate_reid, rank_gallery
from .models import BatchHardTripletLoss, ReIDHead, RetrievalClsHead

__all__ = [
    'BatchHardTripletLoss', 'JoinedReIDDataset', 'MSMT17', 'Market1501',
    'Ranking', 'ReIDHead', 'ReIDMetric', 'RetrievalClsHead', 'evaluate_reid',
    'rank_gallery'
]
