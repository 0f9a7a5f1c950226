"""The metrics against a plain loop of their definitions."""
import itertools
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcckd.reid.evaluation import evaluate, evaluate_reid, samples

RANKS = (1, 5, 10)


def loop(query, gallery, query_ids, gallery_ids, query_cameras,
         gallery_cameras, distance='cosine', ranks=RANKS):
    """One query after another, all in float64, or None without a match."""
    aps, inps, hits = [], [], []
    for q, person, camera in zip(query, query_ids, query_cameras):
        ranked = []
        for g, other, its_camera in zip(gallery, gallery_ids,
                                        gallery_cameras):
            if other == person and its_camera == camera:
                continue
            ranked.append((plain_distance(q, g, distance), other == person))
        ranked.sort()  # at one distance, False comes before True
        precisions, last = [], None
        for rank, (_, match) in enumerate(ranked, 1):
            if match:
                precisions.append((len(precisions) + 1) / rank)
                last = rank
        if precisions:
            aps.append(sum(precisions) / len(precisions))
            inps.append(len(precisions) / last)
            hits.append([any(m for _, m in ranked[:k]) for k in ranks])
    if not aps:
        return None
    metrics = dict(mAP=np.mean(aps), mINP=np.mean(inps))
    metrics.update(
        (f'rank-{k}', np.mean(hit)) for k, hit in zip(ranks, zip(*hits)))
    return metrics


def plain_distance(f, g, distance):
    f, g = f.astype(np.float64), g.astype(np.float64)
    if distance == 'euclidean':
        return float(np.square(f - g).sum())
    norms = np.linalg.norm(f) * np.linalg.norm(g)
    return float(1 - f @ g / norms) if norms else 1.


def draw(seed, num_queries, num_gallery, num_ids, num_cameras, width=16):
    """Features, and persons and cameras, in the order of the arguments. Some
    persons are only in the gallery, and some queries have no match."""
    rng = np.random.default_rng(seed)
    query = rng.standard_normal((num_queries, width))
    gallery = rng.standard_normal((num_gallery, width))
    return [
        query, gallery,
        rng.integers(num_ids, size=num_queries),
        rng.integers(-1, num_ids + 2, size=num_gallery),
        rng.integers(num_cameras, size=num_queries),
        rng.integers(num_cameras, size=num_gallery)
    ]


def grid(seed, arguments, distance, dtype):
    """Features whose distances are exact in any order of summation, so that
    many are equal: small integers, or for the cosine ±1 in 16 dimensions."""
    rng = np.random.default_rng(seed)
    for i in range(2):
        shape = len(arguments[i]), 16
        if distance == 'cosine':
            arguments[i] = rng.choice([-1., 1.], shape, p=[.1, .9])
        else:
            arguments[i] = rng.integers(-1, 2, shape)
        arguments[i] = arguments[i].astype(dtype)
    return arguments


def check(arguments, distance):
    expected = loop(*arguments, distance)
    if expected is None:
        with pytest.raises(ValueError, match='queries has a match'):
            evaluate_reid(*arguments, distance)
        return
    found = evaluate_reid(*arguments, distance)
    assert found == pytest.approx(expected, rel=0, abs=1e-12)
    assert all(type(value) is float for value in found.values())


SIZES = dict(
    seed=st.integers(0, 2**32),
    num_queries=st.integers(1, 8),
    num_gallery=st.integers(1, 40),
    num_ids=st.integers(1, 5),
    num_cameras=st.integers(1, 4))
DISTANCE = st.sampled_from(['cosine', 'euclidean'])


@given(**SIZES, distance=DISTANCE)
def test_definitions(seed, num_queries, num_gallery, num_ids, num_cameras,
                     distance):
    check(
        draw(seed, num_queries, num_gallery, num_ids, num_cameras), distance)


@given(
    **SIZES,
    distance=DISTANCE,
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    sort_cost=st.sampled_from([0, 1e9]))
def test_definitions_with_many_ties(seed, num_queries, num_gallery, num_ids,
                                    num_cameras, distance, dtype, sort_cost):
    arguments = draw(seed, num_queries, num_gallery, num_ids, num_cameras)
    with mock.patch.object(evaluate, 'SORT_COST', sort_cost):
        check(grid(seed, arguments, distance, dtype), distance)


@pytest.mark.parametrize('distance', ['cosine', 'euclidean'])
@pytest.mark.parametrize('sort_cost', [0, 1200, 1e9])
@pytest.mark.parametrize('seed', range(3))
def test_definitions_in_blocks(seed, sort_cost, distance, monkeypatch):
    """Several blocks, the last smaller; either way to count."""
    monkeypatch.setattr(evaluate, 'BLOCK_BYTES', 7 * 8 * 500)
    monkeypatch.setattr(evaluate, 'SORT_COST', sort_cost)
    monkeypatch.setattr(samples, 'ROWS', 13)
    check(draw(seed, 60, 500, 20, 6), distance)


@pytest.mark.parametrize('distance', ['cosine', 'euclidean'])
def test_by_hand(distance):
    """Two persons on a line (an arc); the query is the first point."""
    angles = np.radians([0, 10, 20, 30, 40, 50])
    points = np.stack([np.cos(angles), np.sin(angles)], 1)
    found = evaluate_reid(
        points[:1], points[1:], [7], [7, 8, 7, 8, 7], [1], [1, 1, 2, 1, 3],
        distance, ranks=[1, 2, 4])
    # without the one of its own camera: no, yes, no, yes
    assert found == pytest.approx({
        'mAP': (1 / 2 + 2 / 4) / 2, 'mINP': 2 / 4,
        'rank-1': 0, 'rank-2': 1, 'rank-4': 1
    })


class TestTies:

    @pytest.mark.parametrize('distance', ['cosine', 'euclidean'])
    @pytest.mark.parametrize('num_queries, num_gallery, width', [
        (5, 30, 536), (5, 195, 40), (35, 341, 662), (1, 350, 236)])
    def test_all_features_equal(self, num_queries, num_gallery, width,
                                distance):
        """A product of equal features has unequal last bits at its edges."""
        arguments = draw(0, num_queries, num_gallery, 3, 3)
        persons, others, cameras, their_cameras = arguments[2:]
        aps = []
        for person, camera in zip(persons, cameras):
            same = others == person
            hits = np.arange(1, 1 + (same & (their_cameras != camera)).sum())
            aps.append(np.mean(hits / (hits + (~same).sum())))
        for seed in range(10):
            feature = np.random.default_rng(seed).standard_normal((1, width))
            for dtype in (np.float32, np.float64):
                found = evaluate_reid(
                    np.repeat(feature.astype(dtype), num_queries, 0),
                    np.repeat(feature.astype(dtype), num_gallery, 0),
                    *arguments[2:], distance)
                assert found['mAP'] == pytest.approx(np.mean(aps), abs=1e-12)
                assert found['rank-10'] == 0

    def test_the_least_of_all_orders(self):
        query, gallery = np.ones((1, 2)), np.ones((5, 2))
        gallery[3:] *= -1  # three at one distance, two at another
        ids = [1, 0, 1, 0, 1]
        orders = []
        for first in itertools.permutations(range(3)):
            for second in itertools.permutations([3, 4]):
                hits = np.array(ids)[[*first, *second]]
                precision = np.cumsum(hits) / np.arange(1, 6)
                orders.append([
                    precision[hits == 1].mean(),
                    3 / (1 + np.flatnonzero(hits)[-1]),
                    hits[0], max(hits[:2])
                ])
        found = evaluate_reid(
            query, gallery, [1], ids, [0], [1] * 5, ranks=(1, 2))
        assert [*found.values()] == pytest.approx(np.min(orders, 0))


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32),
    distance=DISTANCE,
    rerank=st.booleans(),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
    copies=st.booleans())
def test_no_order_changes_a_bit(seed, distance, rerank, dtype, copies):
    arguments = draw(seed, 9, 120, 4, 3, width=37)
    rng = np.random.default_rng(seed)
    arguments[0], arguments[1] = (
        x.astype(dtype) for x in arguments[:2])
    if copies:  # of features, under other persons and cameras too
        arguments[0][5:] = arguments[0][:4]
        arguments[1][rng.permutation(120)[:60]] = arguments[1][
            rng.permutation(120)[:60]]
    arguments[2][0], arguments[3][0] = 0, 0  # one match at least
    arguments[4][0], arguments[5][0] = 0, 1
    first = evaluate_reid(*arguments, distance, rerank=rerank)
    orders = rng.permutation(9), rng.permutation(120)
    again = [x[orders[i % 2]] for i, x in enumerate(arguments)]
    assert evaluate_reid(*again, distance, rerank=rerank) == first


def test_numpy_and_torch_agree():
    arguments = draw(0, 20, 200, 5, 3)
    expected = evaluate_reid(*arguments)
    tensors = [torch.from_numpy(x) for x in arguments]
    tensors[0].requires_grad_()
    assert evaluate_reid(*tensors) == expected
    lists = [x.tolist() for x in arguments[2:]]
    assert evaluate_reid(*arguments[:2], *lists) == expected
    strided = np.repeat(arguments[1], 2, 1)[:, ::2]
    assert evaluate_reid(arguments[0], strided, *lists) == expected
    half = [x.bfloat16() for x in tensors[:2]]
    assert evaluate_reid(*half, *lists) == evaluate_reid(
        *(x.float() for x in half), *lists)


def test_arguments_are_left_alone():
    arguments = draw(0, 20, 200, 5, 3)
    before = [x.copy() for x in arguments]
    evaluate_reid(*arguments)
    evaluate_reid(*arguments, 'euclidean', rerank=True)
    assert all(map(np.array_equal, arguments, before))


@pytest.mark.parametrize('finer', [0, 1])
@pytest.mark.parametrize('distance', ['cosine', 'euclidean'])
def test_computes_in_the_finer_precision(distance, finer):
    """The difference of the distances is below the precision of float32."""
    features = [np.array([[1., 0]]), np.array([[1., 0], [1, 1e-7]])]
    if distance == 'euclidean':
        features[1] = np.array([[1, 0], [1 + 1e-7, 0]])
    arguments = [[1], [1, 0], [0], [1, 1], distance]
    in_float32 = [x.astype(np.float32) for x in features]
    assert evaluate_reid(*in_float32, *arguments)['rank-1'] == 0
    in_float32[finer] = features[finer]
    assert evaluate_reid(*in_float32, *arguments)['rank-1'] == 1


def test_a_zero_feature_is_as_far_as_a_right_angle():
    gallery = np.array([[-1, 0], [0, 0], [1, 0.]])
    found = evaluate_reid(
        np.array([[2., 0]]), gallery, [1], [0, 1, 0], [0], [1, 1, 1])
    assert found['mAP'] == 0.5


def test_says_what_is_left_out_and_clipped(monkeypatch):
    said = []
    monkeypatch.setattr(evaluate, 'print_log',
                        lambda text, **_: said.append(text))
    arguments = draw(0, 3, 4, 1, 1)
    arguments[2][:] = [0, 1, 2]
    arguments[3][:] = [0, 0, 1, 9]
    arguments[4][:], arguments[5][:] = 0, [0, 1, 1, 1]
    found = evaluate_reid(*arguments)
    assert said == [
        '1 of 3 queries are left out, since they have no match from another '
        'camera.',
        'The gallery has only 4 entries, so rank-10 counts a match at any '
        'rank.'
    ]
    assert found['rank-5'] == found['rank-10'] == 1


class TestBadInput:

    def evaluate(self, position=None, value=None, **options):
        arguments = draw(0, 6, 50, 3, 3)
        if position is not None:
            arguments[position] = value
        return evaluate_reid(*arguments, **options)

    @pytest.mark.parametrize('position, name', [(0, 'query'), (1, 'gallery')])
    @pytest.mark.parametrize('shape', [(0, 16), (6, 0), (6, ), (6, 16, 1)])
    def test_shape(self, position, name, shape):
        with pytest.raises(
                ValueError, match=rf'{name}_features must be of shape \(N, d'):
            self.evaluate(position, np.ones(shape))

    @pytest.mark.parametrize('dtype', ['int64', 'bool', 'complex64'])
    def test_not_floating(self, dtype):
        with pytest.raises(
                TypeError, match=f'gallery_features must be .* are {dtype}'):
            self.evaluate(1, np.ones((50, 16), dtype))

    def test_widths(self):
        with pytest.raises(ValueError, match='same width, but have 16 and 8'):
            self.evaluate(1, np.ones((50, 8)))

    @pytest.mark.parametrize('position', [2, 3, 4, 5])
    def test_lengths(self, position):
        with pytest.raises(
                ValueError, match='have the same length, but have .* 7'):
            self.evaluate(position, np.zeros(7, int))

    @pytest.mark.parametrize('position', [2, 3, 4, 5])
    def test_not_integers(self, position):
        with pytest.raises(TypeError, match='must be integers, but are float'):
            self.evaluate(position, np.zeros(6))
        with pytest.raises(ValueError, match=r'must be of shape \(N, \), but'):
            self.evaluate(position, np.zeros((6, 1), int))

    @pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e200])
    @pytest.mark.parametrize('position, name', [(0, 'query'), (1, 'gallery')])
    def test_not_finite(self, value, position, name):
        features = draw(0, 6, 50, 3, 3)[position]
        features[[5, 3], 7] = value
        with pytest.raises(
                ValueError,
                match=rf'2 of {len(features)} {name} features are NaN, '
                'infinite, .* The first one is that of sample 3'):
            self.evaluate(position, features)

    def test_distance(self):
        with pytest.raises(
                ValueError, match="one of cosine, euclidean, but is 'l1'"):
            self.evaluate(distance='l1')

    @pytest.mark.parametrize('ranks', [5, '15', (1, 5.), (True, ), None])
    def test_ranks_are_no_ints(self, ranks):
        with pytest.raises(TypeError, match='ranks must be a list of ints'):
            self.evaluate(ranks=ranks)

    def test_ranks_below_one(self):
        with pytest.raises(ValueError, match=r'at least 1, but are \(5, 0\)'):
            self.evaluate(ranks=(5, 0))

    def test_rerank(self):
        with pytest.raises(TypeError, match='True or False, but is 20'):
            self.evaluate(rerank=20)

    @pytest.mark.parametrize('position, value', [
        (2, np.full(6, 99)),  # persons that are not in the gallery
        (3, np.full(50, -1)),
    ])
    def test_no_match(self, position, value):
        with pytest.raises(ValueError, match='None of 6 queries has a match'):
            self.evaluate(position, value)

    def test_no_match_from_another_camera(self):
        with pytest.raises(ValueError, match='person and another camera'):
            arguments = draw(0, 6, 50, 3, 1)
            evaluate_reid(*arguments)
