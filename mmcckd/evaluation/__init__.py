"""How well a gallery is ranked for each query, in person re-identification;
and how features are arranged.

    features, ids, cameras -> samples -> distances (-> re_ranking), by blocks
                           -> ranks of the matches -> mAP, mINP, CMC
                           -> ranking of the gallery, to look at

    features, classes -> structure: cosines within and between classes, CKA
"""
from .ranking import Ranking, rank_gallery
from .reid import evaluate_reid
from .reid_metric import ReIDMetric

__all__ = ['Ranking', 'ReIDMetric', 'evaluate_reid', 'rank_gallery']
