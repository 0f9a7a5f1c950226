"""The head of a re-identification network, and its triplet loss."""
from .reid_head import ReIDHead
from .triplet_loss import BatchHardTripletLoss

__all__ = ['BatchHardTripletLoss', 'ReIDHead']
