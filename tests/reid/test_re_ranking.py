"""Re-ranked distances against a dense loop of the definition."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcckd.reid.evaluation import evaluate_reid, re_ranking
from mmcckd.reid.evaluation.re_ranking import ReRankedDistances, _smallest
from mmcckd.reid.evaluation.samples import Samples


def make_samples(features, normalize):
    """As they are, without the order by persons."""
    x = Samples(features, np.square(features).sum(1),
                *[np.arange(len(features))] * 3)
    if normalize:
        x.normalize()
    return x


def dense(features, num_queries, distance, k1, k2, weight):
    """d*, queries × gallery, from the formulas."""
    x = features
    if distance == 'cosine':
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        d = 1 - x @ x.T
    else:
        d = np.square(x[:, None] - x[None]).sum(2)
    n = len(x)
    d = d / d.max(1, keepdims=True)
    order = np.argsort(d, axis=1, kind='stable')

    def nearest(i, k):
        return set(order[i, :k + 1])

    def reciprocal(i, k):
        return {j for j in nearest(i, k) if i in nearest(j, k)}

    v = np.zeros((n, n))
    for i in range(n):
        near = reciprocal(i, k1)
        expanded = set(near)
        for j in near:
            half = reciprocal(j, round(k1 / 2))
            if 3 * len(half & near) > 2 * len(half):
                expanded |= half
        for j in expanded:
            v[i, j] = np.exp(-d[i, j])
        v[i] /= v[i].sum()
    v = np.stack([v[order[i, :k2]].mean(0) for i in range(n)])
    result = np.empty((num_queries, n - num_queries))
    for i in range(num_queries):
        for j in range(num_queries, n):
            jaccard = 1 - np.minimum(v[i], v[j]).sum() / np.maximum(
                v[i], v[j]).sum()
            result[i, j - num_queries] = (
                weight * d[i, j] + (1 - weight) * jaccard)
    return result


def re_rank(features, num_queries, distance, *settings):
    query, gallery = (
        make_samples(part.copy(), distance == 'cosine')
        for part in (features[:num_queries], features[num_queries:]))
    distances = ReRankedDistances(query, gallery, distance, *settings)
    out = np.empty((num_queries, len(gallery)), features.dtype)
    half = num_queries // 2
    for block in (slice(0, half), slice(half, num_queries)):
        distances(block, out[block])
    return out


def clusters(seed, n, num_clusters=6, width=12, noise=.6):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((num_clusters, width))
    return centers[rng.integers(num_clusters, size=n)] + (
        noise * rng.standard_normal((n, width)))


def equal_but_for_a_term_of_the_query(found, expected, atol):
    difference = expected - found
    return np.allclose(difference, difference[:, :1], rtol=0, atol=atol)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(3, 60),
    distance=st.sampled_from(['cosine', 'euclidean']),
    k1=st.integers(1, 25),
    k2=st.integers(1, 8))
def test_definition(seed, n, distance, k1, k2):
    features = clusters(seed, n)
    num_queries = 1 + n // 5
    found = re_rank(features, num_queries, distance, k1, k2, .3)
    expected = dense(features, num_queries, distance, k1, k2, .3)
    assert equal_but_for_a_term_of_the_query(found, expected, 1e-10)


def test_defaults_and_blocks(monkeypatch):
    monkeypatch.setattr(re_ranking, 'BLOCK_BYTES', 7 * 8 * 300)
    features = clusters(0, 300, noise=.9)
    for distance in ('cosine', 'euclidean'):
        found = re_rank(features, 40, distance)
        expected = dense(features, 40, distance, 20, 6, .3)
        assert equal_but_for_a_term_of_the_query(found, expected, 1e-10)
        in_float32 = re_rank(features.astype(np.float32), 40, distance)
        assert equal_but_for_a_term_of_the_query(in_float32, expected, 1e-5)


def test_without_neighbors_the_distances_are_the_given():
    features = clusters(1, 50)
    found = re_rank(features, 10, 'cosine', 20, 6, 1.)
    x = features / np.linalg.norm(features, axis=1, keepdims=True)
    d = 1 - x @ x.T
    expected = (d / d.max(1, keepdims=True))[:10, 10:]
    assert equal_but_for_a_term_of_the_query(found, expected, 1e-10)


def test_it_helps_in_evaluation():
    """People seen as by two cameras that shift all features alike."""
    rng = np.random.default_rng(0)
    ids = rng.integers(30, size=600)
    cameras = rng.integers(2, size=600)
    features = (
        rng.standard_normal((30, 16))[ids] +
        .4 * rng.standard_normal((2, 16))[cameras] +
        .6 * rng.standard_normal((600, 16)))
    arguments = [
        x[part] for x in (features, ids, cameras)
        for part in (slice(0, 60), slice(60, 600))
    ]
    plain = evaluate_reid(*arguments)
    re_ranked = evaluate_reid(*arguments, rerank=True)
    assert re_ranked['mAP'] > plain['mAP'] + .1


@pytest.mark.parametrize('distance', ['cosine', 'euclidean'])
def test_all_features_equal(distance):
    found = re_rank(np.ones((40, 8)), 5, distance)
    assert np.isfinite(found).all()


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=50),
    st.integers(1, 20),
    st.sampled_from([1, 100]))
def test_smallest(values, k, repetitions):
    values = np.array(values * repetitions)
    expected = np.argsort(values, kind='stable')[:k]
    assert np.array_equal(_smallest(values, k), expected)
