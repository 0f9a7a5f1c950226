"""Superclasses: k-means clusters of the teacher's features.

    dataset, teacher -> extraction -> feature_file -> clustering
                     -> superclass_file -> SURSampler
    superclass_file -> cluster_quality, superclass_page
"""
from mmcckd.datasets.fingerprint import fingerprint_dataset
from mmcckd.datasets.superclass_file import Superclasses

from .clustering import Clusters, cluster_features
from .extraction import extract_features
from .feature_file import FeatureFile

__all__ = [
    'Clusters', 'FeatureFile', 'Superclasses', 'cluster_features',
    'extract_features', 'fingerprint_dataset'
]
