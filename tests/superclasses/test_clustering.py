"""k-means over features: against scikit-learn, in bounded memory, no group
empty, and the same for the same seed."""
import tracemalloc

import numpy as np
import pytest
from sklearn.cluster import KMeans

from mmcckd.superclasses import clustering
from mmcckd.superclasses.clustering import cluster_features


def mixture(num_samples, num_components, width, seed=0, spread=0.5):
    """Gaussians on the sphere, float16, and the component of each sample."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((num_components, width))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    component = rng.integers(num_components, size=num_samples)
    x = centers[component] + rng.standard_normal(
        (num_samples, width)) * spread / width**0.5
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(np.float16), component


def check(clusters, features, num_clusters):
    """What holds of every result, from the definitions."""
    x = features.astype(np.float64)
    labels = clusters.labels
    assert labels.dtype == np.int32 and labels.shape == (len(x), )
    assert set(labels) == set(range(num_clusters))
    means = np.stack([x[labels == c].mean(0) for c in range(num_clusters)])
    assert np.allclose(clusters.centroids, means, atol=1e-6)
    inertia = sum(
        np.square(x[labels == c] - means[c]).sum()
        for c in range(num_clusters))
    assert clusters.inertia == pytest.approx(inertia, rel=1e-9, abs=1e-9)
    assert clusters.sizes.sum() == len(x)


@pytest.mark.parametrize('algorithm', ['kmeans', 'minibatch'])
def test_finds_the_components_of_a_mixture(algorithm):
    x, component = mixture(3000, 20, 32, spread=0.2)
    clusters = cluster_features(x, 20, algorithm)
    check(clusters, x, 20)
    assert clusters.algorithm == algorithm
    reference = KMeans(20, n_init=10, random_state=1).fit(x)
    assert clusters.inertia < 1.03 * reference.inertia_


@pytest.mark.parametrize('algorithm', ['kmeans', 'minibatch'])
def test_the_seed_says_all(algorithm):
    x, _ = mixture(1500, 30, 16, spread=1.)
    first, again, other = (
        cluster_features(x, 12, algorithm, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.labels, again.labels)
    assert np.array_equal(first.centroids, again.centroids)
    assert first.inertia == again.inertia
    assert not np.array_equal(first.labels, other.labels)


@pytest.mark.parametrize('seed', range(3))
def test_the_best_of_several_starts_is_that_of_scikit_learn(seed, capsys):
    x, _ = mixture(300, 12, 8, spread=1.)
    x[100:200] = x[:100]  # and duplicates
    found = clustering._kmeans(x, np.arange(len(x)), 10, seed)
    expected = KMeans(
        10, n_init=clustering.KMEANS_STARTS, random_state=seed).fit(
            x.astype(np.float32))
    assert np.array_equal(found, expected.cluster_centers_)
    lines = capsys.readouterr().out.split('\r')
    assert 'start 10 of 10, ' in lines[-1]
    assert f'best {expected.inertia_:.6g}' in lines[-1]


def test_clusterings_that_differ_in_their_numbers_only():
    labels = np.array([0, 0, 1, 2], np.int32)
    assert clustering._same(labels, np.array([2, 2, 0, 1], np.int32))
    assert not clustering._same(labels, np.array([0, 1, 1, 2], np.int32))
    assert not clustering._same(labels, np.array([0, 0, 1, 1], np.int32))


def test_auto_goes_by_size(monkeypatch):
    x, _ = mixture(500, 5, 16)
    assert cluster_features(x, 5).algorithm == 'kmeans'
    monkeypatch.setattr(clustering, 'KMEANS_BYTES', 500 * 16 * 4 - 1)
    assert cluster_features(x, 5).algorithm == 'minibatch'


@pytest.mark.parametrize('algorithm', ['kmeans', 'minibatch'])
def test_no_cluster_is_empty_among_duplicates(algorithm):
    """Three different points, eight clusters."""
    x = np.repeat(np.eye(3, 8, dtype=np.float16), 20, axis=0)
    clusters = cluster_features(x, 8, algorithm)
    check(clusters, x, 8)
    assert clusters.inertia == pytest.approx(0, abs=1e-6)


def test_an_empty_cluster_halves_the_widest():
    tight = np.zeros((10, 2), np.float32)
    wide = np.array([[5, 0]] * 10 + [[5, 3]] * 10, np.float32)
    x = np.concatenate([tight, wide])
    centroids = np.array([[0, 0], [5, 1.5], [99, 99]], np.float32)
    labels, means, inertia = clustering._assign(x, np.arange(30), centroids)
    assert len({*labels[10:20]}) == len({*labels[20:]}) == 1
    assert sorted(means.tolist()) == [[0, 0], [5, 0], [5, 3]]
    assert inertia == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize('algorithm', ['kmeans', 'minibatch'])
def test_as_many_clusters_as_samples(algorithm):
    x, _ = mixture(20, 20, 8)
    clusters = cluster_features(x, 20, algorithm)
    assert sorted(clusters.labels) == list(range(20))


def test_left_out_rows_have_no_cluster():
    x, component = mixture(400, 4, 16, spread=0.2)
    spoilt = x.copy()
    spoilt[[5, 17]] = np.nan  # whatever stands there is not looked at
    clusters = cluster_features(spoilt, 4, left_out=[5, 17])
    assert np.flatnonzero(clusters.labels < 0).tolist() == [5, 17]
    kept = np.delete(np.arange(400), [5, 17])
    alone = cluster_features(x[kept], 4)
    assert np.array_equal(clusters.labels[kept], alone.labels)


def test_memory_is_bounded_by_blocks(tmp_path, monkeypatch):
    """24 MiB of features, blocks of 256 KiB: a few blocks at a time."""
    monkeypatch.setattr(clustering, 'BLOCK_BYTES', 2**18)
    features = np.lib.format.open_memmap(tmp_path / 'f.npy', 'w+', np.float16,
                                         (100_000, 128))
    features[:] = np.tile(mixture(4000, 10, 128)[0], (25, 1))
    tracemalloc.start()
    cluster_features(features, 10, 'minibatch')
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # besides: rows, permutation, distances, labels
    assert peak < 8 * 2**20


class TestBadInput:
    x = mixture(50, 3, 8)[0]

    @pytest.mark.parametrize('n', [-1, 0, 1, 51])
    def test_number(self, n):
        with pytest.raises(
                ValueError, match=f'must be between 2 and 50, .* but is {n}'):
            cluster_features(self.x, n)

    @pytest.mark.parametrize('n', [2., True, '3'])
    def test_type(self, n):
        with pytest.raises(TypeError, match='must be an int, but is'):
            cluster_features(self.x, n)

    def test_algorithm(self):
        with pytest.raises(
                ValueError, match="auto, kmeans, minibatch, but is 'ward'"):
            cluster_features(self.x, 3, 'ward')

    @pytest.mark.parametrize('algorithm', ['kmeans', 'minibatch'])
    @pytest.mark.parametrize('value', [np.nan, np.inf])
    def test_not_finite(self, value, algorithm):
        x = self.x.copy()
        x[[7, 9], 3] = value
        with pytest.raises(
                ValueError, match='2 of 50 features are NaN or infinite, the '
                'first that of sample 7'):
            cluster_features(x, 3, algorithm)
