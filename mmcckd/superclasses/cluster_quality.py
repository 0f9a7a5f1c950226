"""How well superclasses agree with the classes and the features."""
from typing import Dict, Optional

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from sklearn.metrics import normalized_mutual_info_score, silhouette_score

SILHOUETTE_SAMPLES = 4096


def contingency(classes: np.ndarray, labels: np.ndarray) -> csr_matrix:
    """Count the samples of each class in each superclass.

    Args:
        classes (np.ndarray): (N, ), 0 to C − 1.
        labels (np.ndarray): (N, ), 0 to K − 1, or −1 for none.

    Returns:
        csr_matrix: (K, C), integers.
    """
    kept = labels >= 0
    return coo_matrix(
        (np.ones(kept.sum(), np.int64), (labels[kept], classes[kept])),
        shape=(labels.max() + 1, classes.max() + 1)).tocsr()


def describe(labels: np.ndarray,
             features: np.ndarray,
             classes: Optional[np.ndarray] = None,
             seed: int = 0) -> Dict[str, float]:
    """Compute statistics of superclasses.

    Args:
        labels (np.ndarray): (N, ), 0 to K − 1, or −1 for none.
        features (np.ndarray): (N, d).
        classes (np.ndarray, optional): True classes, (N, ).
        seed (int): Seed of the choice of samples for the silhouette. Defaults
            to 0.

    Returns:
        Dict[str, float]: ``smallest``, ``median``, ``largest`` size;
        ``silhouette``, −1 to 1, on up to 4,096 samples, NaN if these are of a
        single superclass or all of different ones; and with classes
        ``purity``, the share of samples whose class is the most frequent of
        their superclass, and ``nmi``, normalized mutual information, both 0
        to 1.
    """
    kept = np.flatnonzero(labels >= 0)
    sizes = np.bincount(labels[kept])
    figures = dict(
        smallest=int(sizes.min()),
        median=float(np.median(sizes)),
        largest=int(sizes.max()))
    if classes is not None:
        table = contingency(classes, labels)
        figures['purity'] = float(
            table.max(axis=1).toarray().sum() / len(kept))
        figures['nmi'] = float(
            normalized_mutual_info_score(classes[kept], labels[kept]))
    rng = np.random.default_rng(seed)
    sample = np.sort(
        rng.choice(kept, min(SILHOUETTE_SAMPLES, len(kept)), replace=False))
    figures['silhouette'] = float('nan')
    if 1 < len(np.unique(labels[sample])) < len(sample):
        figures['silhouette'] = float(
            silhouette_score(features[sample].astype(np.float32),
                             labels[sample]))
    return figures


def entropies(table: csr_matrix) -> np.ndarray:
    """Entropy of the classes within each superclass, (K, ), in bits."""
    share = table.multiply(1 / np.maximum(table.sum(axis=1), 1)).tocsr()
    bits = share.copy()
    bits.data = -share.data * np.log2(share.data)
    return np.asarray(bits.sum(axis=1)).ravel()
