import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcckd.functional.feature_structure import cosine_structure, linear_cka


def draw(seed, n, d, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=dtype)


def slow_cosines(features, labels):
    """By a loop over all pairs."""
    same, other = [], []
    for i, x in enumerate(features.numpy()):
        for j, y in enumerate(features.numpy()):
            if i != j:
                lengths = math.sqrt(x @ x) * math.sqrt(y @ y)
                cosine = x @ y / lengths if lengths else 0.
                (same if labels[i] == labels[j] else other).append(cosine)
    intra = np.mean(same) if same else math.nan
    inter = np.mean(other) if other else math.nan
    return intra, inter, intra - inter


def slow_cka(x, y):
    """By the definition: HSIC of centered Gram matrices."""
    n = len(x)
    center = np.eye(n) - np.full((n, n), 1 / n)
    k, m = x.numpy() @ x.numpy().T, y.numpy() @ y.numpy().T

    def hsic(k, m):
        return np.trace(k @ center @ m @ center) / (n - 1)**2

    return hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m))


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 99), st.integers(1, 5),
    st.lists(st.integers(-2, 2), min_size=1, max_size=12))
def test_cosines_are_those_of_all_pairs(seed, d, labels):
    features = draw(seed, len(labels), d) + 1
    np.testing.assert_allclose(
        cosine_structure(features, torch.tensor(labels)),
        slow_cosines(features, labels),
        atol=1e-14)


@pytest.mark.parametrize('n, d, e', [(9, 3, 4), (4, 7, 5), (6, 3, 8),
                                     (2, 1, 1)])
def test_cka_is_that_of_the_definition(n, d, e):
    x, y = draw(0, n, d) + 3, draw(1, n, e) + x_like(n, e)
    assert linear_cka(x, y) == pytest.approx(slow_cka(x, y), abs=1e-12)
    assert linear_cka(y, x) == pytest.approx(linear_cka(x, y), abs=1e-14)


def x_like(n, e):
    """Something that the first features have in common with the others."""
    return draw(0, n, 1).expand(n, e)


def test_the_names_of_the_measures():
    structure = cosine_structure(
        torch.tensor([[1., 0], [2, 0], [0, 3]]), torch.tensor([5, 5, 7]))
    assert structure._asdict() == dict(
        intra_class_cosine=1., inter_class_cosine=0., cosine_gap=1.)


def test_without_pairs_there_is_no_mean():
    features = draw(0, 3, 4)
    alone = cosine_structure(features, torch.tensor([0, 1, 2]))
    assert math.isnan(alone.intra_class_cosine)
    assert math.isnan(alone.cosine_gap)
    assert not math.isnan(alone.inter_class_cosine)
    one_class = cosine_structure(features, torch.tensor([4, 4, 4]))
    assert not math.isnan(one_class.intra_class_cosine)
    assert math.isnan(one_class.inter_class_cosine)
    assert math.isnan(one_class.cosine_gap)


def test_a_feature_of_length_0_has_no_direction():
    features = torch.tensor([[0., 0], [1, 0], [1, 0]])
    structure = cosine_structure(features, torch.tensor([0, 0, 1]))
    assert structure == (0, 0.5, -0.5)


@pytest.mark.parametrize('scale', [1e-30, 1e30])
def test_the_scale_of_features_does_not_matter(scale):
    features, labels = draw(0, 6, 4), torch.tensor([0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(
        cosine_structure(features * scale, labels),
        cosine_structure(features, labels),
        rtol=1e-12)
    assert linear_cka(features * scale, features) == pytest.approx(1)


def test_cka_is_1_for_a_rotated_scaled_and_shifted_teacher():
    x = draw(0, 8, 5)
    rotation, _ = torch.linalg.qr(draw(1, 5, 5))
    assert linear_cka(x, 3 * x @ rotation + 7) == pytest.approx(1, abs=1e-12)
    assert linear_cka(x, draw(2, 8, 5)) < 0.9


def test_cka_of_equal_rows_is_undefined():
    assert math.isnan(linear_cka(torch.full((4, 3), 0.1), draw(0, 4, 3)))
    assert math.isnan(linear_cka(draw(0, 1, 3), draw(1, 1, 3)))


def test_float32_is_computed_in_float64():
    features = draw(0, 40, 8, torch.float32)
    labels = torch.arange(40) % 5
    assert cosine_structure(features, labels) == cosine_structure(
        features.double(), labels)
    other = draw(1, 40, 3, torch.float32)
    assert linear_cka(features, other) == linear_cka(features.double(),
                                                     other.double())


def test_what_is_not_finite_shows():
    features = draw(0, 4, 3)
    features[1, 2] = math.inf
    labels = torch.tensor([0, 0, 1, 1])
    assert all(map(math.isnan, cosine_structure(features, labels)))
    assert math.isnan(linear_cka(features, draw(1, 4, 3)))


def test_wrong_arguments():
    labels = torch.tensor([0, 0, 1])
    with pytest.raises(ValueError, match=r'\(3, 2, 2\); flatten them first'):
        cosine_structure(torch.ones(3, 2, 2), labels)
    with pytest.raises(ValueError, match='n > 0 samples'):
        cosine_structure(torch.ones(0, 2), labels[:0])
    with pytest.raises(TypeError, match='torch.int64'):
        cosine_structure(labels[:, None], labels)
    with pytest.raises(TypeError, match='labels must be integers'):
        cosine_structure(torch.ones(3, 2), labels.float())
    with pytest.raises(ValueError, match=r'\(2,\) for features of \(3, 2\)'):
        cosine_structure(torch.ones(3, 2), labels[:2])
    with pytest.raises(ValueError, match='y must be features'):
        linear_cka(torch.ones(3, 2), torch.ones(3))
    with pytest.raises(ValueError, match='3 and 4 rows'):
        linear_cka(torch.ones(3, 2), torch.ones(4, 2))
