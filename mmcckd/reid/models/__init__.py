"""Heads and triplet loss for re-identification."""
from .reid_head import ReIDHead
from .retrieval_cls_head import RetrievalClsHead
from .triplet_loss import BatchHardTripletLoss

__all__ = ['BatchHardTripletLoss', 'ReIDHead', 'RetrievalClsHead']
