"""k-means clustering of features that may not fit into memory."""
import warnings
from dataclasses import dataclass
from typing import Iterator, Optional

import numpy as np
from joblib import cpu_count
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans, MiniBatchKMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mmcckd.progress_bar import CoarseProgressBar

ALGORITHMS = ('auto', 'kmeans', 'minibatch')

# Up to this size, "auto" uses the best of several starts of KMeans, which
# needs all features in float32.
KMEANS_BYTES = 64 * 2**20
KMEANS_STARTS = 10
# Otherwise rows are read in blocks of this size.
BLOCK_BYTES = 128 * 2**20
# A third pass still lowers the inertia slightly, a sixth does not; see
# docs/benchmarks.md.
MINIBATCH_PASSES = 3
SAMPLES_PER_CLUSTER = 32
MIN_BATCH = 4096


@dataclass
class Clusters:
    """The result of k-means.

    Attributes:
        labels (np.ndarray): The cluster of each sample, (N, ), int32, 0 to
            K − 1, or −1 for samples that were left out. No cluster is empty.
        centroids (np.ndarray): The mean of each cluster, (K, d), float32.
        inertia (float): Sum of squared distances of samples to centroids.
        algorithm (str): "kmeans" or "minibatch".
    """
    labels: np.ndarray
    centroids: np.ndarray
    inertia: float
    algorithm: str

    @property
    def sizes(self) -> np.ndarray:
        """Number of samples in each cluster, (K, )."""
        return np.bincount(
            self.labels[self.labels >= 0], minlength=len(self.centroids))


def cluster_features(features: np.ndarray,
                     num_clusters: int,
                     algorithm: str = 'auto',
                     seed: int = 0,
                     left_out: Optional[np.ndarray] = None) -> Clusters:
    """Cluster features by scikit-learn's k-means, initialized by k-means++.

    Few features are clustered by ``KMeans``, the best of ten starts, and many
    by ``MiniBatchKMeans``, in three passes of random batches. A last pass
    assigns each sample to its nearest centroid, splits the cluster with the
    largest inertia for each empty one, and computes the means. The centroids
    therefore depend on the labels only, not on the order in which threads add
    up sums.

    Memory: at most 1 GiB besides the pages of a memory map, for K d up to
    8 million (4,000 clusters of 2,048 dimensions). "kmeans" holds all features
    in float32, however many they are.

    Args:
        features (np.ndarray): (N, d), float16 or float32, such as a memory
            map.
        num_clusters (int): K, 2 to N.
        algorithm (str): "kmeans", "minibatch", or "auto": the former up to
            64 MiB of float32. Defaults to "auto".
        seed (int): Seed of the random numbers. Defaults to 0.
        left_out (np.ndarray, optional): Rows that are not clustered and get
            the label −1. Defaults to None, no rows.

    Raises:
        TypeError: If ``num_clusters`` is not an int.
        ValueError: If ``num_clusters`` or the algorithm is out of range, or a
            feature is NaN or infinite.
    """
    algorithm = choose_algorithm(algorithm, features)
    rows = np.arange(len(features))
    if left_out is not None:
        rows = np.delete(rows, left_out)
    check_num_clusters(num_clusters, len(rows))
    find_centroids = _kmeans if algorithm == 'kmeans' else _minibatch

    # A launcher gives each rank one thread. The other ranks wait, so this one
    # may use all cores.
    with threadpool_limits(cpu_count()):
        centroids = find_centroids(features, rows, num_clusters, seed)
        labels, centroids, inertia = _assign(features, rows, centroids)
    return Clusters(labels, centroids, inertia, algorithm)


def choose_algorithm(algorithm: str, features: np.ndarray) -> str:
    """Choose the algorithm that "auto" means for features of this size.

    Raises:
        ValueError: If the algorithm does not exist.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f'algorithm must be one of {", ".join(ALGORITHMS)}, '
                         f'but is {algorithm!r}.')
    if algorithm == 'auto':
        fits = features.size * 4 <= KMEANS_BYTES
        return 'kmeans' if fits else 'minibatch'
    return algorithm


def check_num_clusters(num_clusters: int, num_samples: int) -> None:
    """Raise an error if this number of clusters is impossible.

    Raises:
        TypeError: If it is not an int.
        ValueError: If it is below 2 or above the number of samples.
    """
    if isinstance(num_clusters, bool) or not isinstance(
            num_clusters, (int, np.integer)):
        raise TypeError('The number of clusters must be an int, but is '
                        f'{num_clusters!r}.')
    if not 2 <= num_clusters <= num_samples:
        raise ValueError(
            f'The number of clusters must be between 2 and {num_samples}, the '
            f'number of samples, but is {num_clusters}.')


def _kmeans(features, rows, num_clusters, seed) -> np.ndarray:
    """Centroids of the best of several starts, chosen as ``KMeans`` does."""
    rng = np.random.RandomState(seed)
    best = None
    for start in range(1, KMEANS_STARTS + 1):
        # KMeans changes the features in place, so each start reads them again.
        model = KMeans(num_clusters, n_init=1, random_state=rng, copy_x=False)
        model.fit(_read(features, rows))
        if best is None or (model.inertia_ < best.inertia_
                            and not _same(model.labels_, best.labels_)):
            best = model
        print(
            f'\rk-means: start {start} of {KMEANS_STARTS}, '
            f'{model.n_iter_} iterations, inertia {model.inertia_:.6g}, '
            f'best {best.inertia_:.6g}    ',
            end='\n' if start == KMEANS_STARTS else '',
            flush=True)
    return best.cluster_centers_


def _same(labels: np.ndarray, others: np.ndarray) -> bool:
    """Whether two clusterings are equal but for the numbers of clusters."""
    pairs = np.unique(labels.astype(np.int64) * len(labels) + others)
    return len(pairs) == len(np.unique(labels)) == len(np.unique(others))


def _minibatch(features, rows, num_clusters, seed) -> np.ndarray:
    rng = np.random.default_rng(seed)
    in_block = max(num_clusters, _rows_per_block(features))
    batch_size = max(SAMPLES_PER_CLUSTER * num_clusters, MIN_BATCH)
    batch_size = min(batch_size, in_block, len(rows))
    start = rng.choice(rows, batch_size, replace=False)
    start, _ = kmeans_plusplus(
        _read(features, start), num_clusters, random_state=seed)
    model = MiniBatchKMeans(
        num_clusters,
        init=start,
        n_init=1,
        batch_size=batch_size,
        random_state=seed)
    num_batches = len(rows) // batch_size
    bar = CoarseProgressBar(MINIBATCH_PASSES * num_batches)
    for _ in range(MINIBATCH_PASSES):
        for batch in np.array_split(rng.permutation(rows), num_batches):
            model.partial_fit(_read(features, batch))
            bar.update()
    return model.cluster_centers_


def _assign(features, rows, centroids):
    """Labels by the nearest centroid, means of the clusters, and inertia."""
    labels = np.full(len(features), -1, np.int32)
    distances = np.empty(len(rows), np.float32)
    half_norms = np.square(centroids).sum(1) / 2
    begin = 0
    # A row of scores has one column for each centroid.
    for block in _blocks(features, rows, width=len(centroids)):
        x = _read(features, block)
        scores = x @ centroids.T - half_norms
        nearest = scores.argmax(1)
        labels[block] = nearest
        distances[begin:begin + len(block)] = (
            np.square(x).sum(1) - 2 * scores[np.arange(len(x)), nearest])
        begin += len(block)
    _fill_empty(features, rows, labels, distances, len(centroids))

    sums = np.zeros(centroids.shape)
    squares = 0.
    for block in _blocks(features, rows):
        x = _read(features, block).astype(np.float64)
        one_hot = csr_matrix(
            (np.ones(len(x)), labels[block], np.arange(len(x) + 1)),
            shape=(len(x), len(centroids)))
        sums += one_hot.T @ x
        squares += np.square(x).sum()
        del x, one_hot  # before the next block is read
    sizes = np.bincount(labels[rows], minlength=len(centroids))
    means = sums / sizes[:, None]
    # Σ ‖x − μ‖² = Σ ‖x‖² − Σ_c n_c ‖μ_c‖², since μ_c are the means
    inertia = squares - (sizes * np.square(means).sum(1)).sum()
    return labels, means.astype(np.float32), max(0., float(inertia))


def _fill_empty(features, rows, labels, distances, num_clusters) -> None:
    """Split the cluster with the largest inertia for each empty one."""
    clusters = labels[rows]
    for empty in np.flatnonzero(
            np.bincount(clusters, minlength=num_clusters) == 0):
        spread = np.bincount(clusters, distances, num_clusters)
        spread[np.bincount(clusters, minlength=num_clusters) < 2] = -np.inf
        members = np.flatnonzero(clusters == spread.argmax())
        stride = -(-len(members) // _rows_per_block(features))
        halving = KMeans(2, n_init=1, random_state=0)
        with warnings.catch_warnings():
            # If all members are equal, any split will do.
            warnings.simplefilter('ignore', ConvergenceWarning)
            halving.fit(_read(features, rows[members[::stride]]))
        half = np.concatenate([
            halving.transform(_read(features, block))
            for block in _blocks(features, rows[members])
        ])
        distances[members] = np.square(half.min(1))
        chosen = half[:, 1] < half[:, 0]
        if not chosen.any() or chosen.all():
            chosen[:] = np.arange(len(members)) % 2
        clusters[members[chosen]] = empty
    labels[rows] = clusters


def _rows_per_block(features, width: int = 0) -> int:
    return max(1, BLOCK_BYTES // (4 * max(features.shape[1], width)))


def _blocks(features, rows, width: int = 0) -> Iterator[np.ndarray]:
    size = _rows_per_block(features, width)
    for begin in range(0, len(rows), size):
        yield rows[begin:begin + size]


def _read(features, rows) -> np.ndarray:
    """Rows in float32, in the order of the file, which is read faster."""
    rows = np.sort(rows)
    x = features[rows].astype(np.float32)
    finite = np.isfinite(x).all(1)
    if not finite.all():
        wrong = rows[~finite]
        raise ValueError(
            f'{len(wrong)} of {len(rows)} features are NaN or infinite, the '
            f'first that of sample {wrong[0]}; check the teacher, its '
            'checkpoint and the images.')
    return x
