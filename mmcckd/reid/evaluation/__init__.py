"""Evaluation of person re-identification.

    features, ids, cameras -> samples -> distances (-> re_ranking), in blocks
                           -> ranks of the matches -> mAP, mINP, CMC
                           -> rankings of the gallery, for pictures
"""
from .evaluate import evaluate_reid
from .ranking import Ranking, rank_gallery
from .reid_metric import ReIDMetric

__all__ = ['Ranking', 'ReIDMetric', 'evaluate_reid', 'rank_gallery']
