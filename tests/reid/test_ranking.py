"""The ranking to look at against the metrics, and against their loop."""
import numpy as np
import pytest

from mmcckd.reid.evaluation import (
    evaluate,
    evaluate_reid,
    rank_gallery,
    ranking,
)


def draw(seed, num_queries, num_gallery, num_ids, num_cameras, ties=False):
    """The arguments of the metrics. With ties, distances are exact in any
    order of summation, and many are equal."""
    rng = np.random.default_rng(seed)
    features = [rng.standard_normal((n, 16)) for n in
                (num_queries, num_gallery)]
    if ties:
        features = [np.where(f > -1.3, 1, -1).astype(np.float32)
                    for f in features]
    return [
        *features,
        rng.integers(num_ids, size=num_queries),
        rng.integers(num_ids + 2, size=num_gallery),
        rng.integers(num_cameras, size=num_queries),
        rng.integers(num_cameras, size=num_gallery)
    ]


def plain_distance(f, g, distance):
    if distance == 'euclidean':
        return np.square(f - g).sum()
    return 1 - f @ g / np.linalg.norm(f) / np.linalg.norm(g)


@pytest.mark.parametrize('distance', ['cosine', 'euclidean'])
@pytest.mark.parametrize('ties', [False, True])
def test_its_figures_are_those_of_the_metrics(distance, ties, monkeypatch):
    arguments = draw(0, 30, 200, 12, 3, ties)
    for module in (ranking, evaluate):  # several blocks
        monkeypatch.setattr(module, 'BLOCK_BYTES', 7 * 200 * 8)
    metrics = evaluate_reid(*arguments, distance, ranks=(1, 5))
    found = rank_gallery(*arguments, range(30), distance, topk=5)
    counted = [r for r in found if r.average_precision is not None]
    assert len(counted) == sum(r.num_matches > 0 for r in found)
    assert np.mean([r.average_precision
                    for r in counted]) == pytest.approx(metrics['mAP'], 1e-14)
    assert np.mean([r.matches[0] for r in counted]) == metrics['rank-1']
    assert np.mean([r.matches.any() for r in counted]) == metrics['rank-5']


@pytest.mark.parametrize('distance', ['cosine', 'euclidean'])
def test_entries_and_what_is_dropped(distance):
    arguments = draw(1, 20, 60, 4, 2)
    query, gallery, persons, others, cameras, its_cameras = arguments
    chosen = [13, 2, 13]
    for q, found in zip(
            chosen, rank_gallery(*arguments, chosen, distance, topk=8)):
        d = np.array([plain_distance(query[q], g, distance) for g in gallery])
        same = (others == persons[q]) & (its_cameras == cameras[q])
        assert same.any()
        order = np.argsort(d)
        expected = order[~same[order]][:8]
        np.testing.assert_array_equal(found.entries, expected)
        np.testing.assert_allclose(found.distances, d[expected], atol=1e-9)
        np.testing.assert_array_equal(found.matches,
                                      others[expected] == persons[q])
        np.testing.assert_array_equal(found.dropped, order[same[order]])
        np.testing.assert_allclose(found.dropped_distances,
                                   d[order[same[order]]], atol=1e-9)


def test_a_match_comes_last_among_equals():
    ones = np.ones((1, 4), np.float32)
    found, = rank_gallery(ones, ones.repeat(4, 0), [7], [7, 1, 7, 2], [0],
                          [1, 0, 0, 0], [0])
    assert found.entries.tolist() == [1, 3, 0]
    assert found.dropped.tolist() == [2]
    assert found.average_precision == 1 / 3


@pytest.mark.parametrize('seed', range(3))
def test_the_order_of_the_gallery_leaves_no_trace(seed):
    arguments = draw(seed, 5, 80, 4, 2, ties=True)
    query, gallery, persons, others, cameras, its_cameras = arguments
    gallery[40:] = gallery[:40]  # some of them by the same person and camera
    before = rank_gallery(*arguments, range(5), 'euclidean', topk=80)
    order = np.random.default_rng(seed).permutation(80)
    after = rank_gallery(query, gallery[order], persons, others[order],
                         cameras, its_cameras[order], range(5), 'euclidean',
                         topk=80)
    described = np.column_stack([others, its_cameras, gallery])
    for a, b in zip(before, after):
        np.testing.assert_array_equal(described[a.entries],
                                      described[order][b.entries])
        np.testing.assert_array_equal(a.distances, b.distances)


def test_no_match_in_another_camera():
    features = np.eye(3, dtype=np.float32)
    found, = rank_gallery(features[:1], features, [1], [1, 1, 2], [0],
                          [0, 0, 0], [0])
    assert found.average_precision is None
    assert found.num_matches == 0
    assert found.entries.tolist() == [2]
    assert found.dropped.tolist() == [0, 1]


def test_no_such_query():
    arguments = draw(0, 3, 10, 2, 2)
    with pytest.raises(IndexError, match='no query 3: .* from 0 to 2'):
        rank_gallery(*arguments, [3])
    with pytest.raises(IndexError, match='no query -1'):
        rank_gallery(*arguments, [-1])


def test_widths_that_differ():
    arguments = draw(0, 3, 10, 2, 2)
    arguments[0] = arguments[0][:, 1:]
    with pytest.raises(ValueError, match='same width, but have 15 and 16'):
        rank_gallery(*arguments, [0])
