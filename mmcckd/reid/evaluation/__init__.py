"""How well a gallery is ranked for each query.

    features, ids, cameras -> samples -> distances (-> re_ranking), by blocks
                           -> ranks of the matches -> mAP, mINP, CMC
                           -> ranking of the gallery, to look at
"""
from .evaluate import evaluate_reid
from .ranking import Ranking, rank_gallery
from .reid_metric import ReIDMetric

__all__ = ['Ranking', 'ReIDMetric', 'evaluate_reid', 'rank_gallery']
