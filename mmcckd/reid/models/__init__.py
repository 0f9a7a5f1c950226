"""Head and triplet loss for person re-identification."""
from .reid_head import ReIDHead
from .triplet_loss import BatchHardTripletLoss

__all__ = ['BatchHardTripletLoss', 'ReIDHead']
