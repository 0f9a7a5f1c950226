import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from mmpretrain.registry import MODELS

from mmcckd.reid import BatchHardTripletLoss

MARGINS = [0.3, 0, 1, None]


def slow_loss(features, labels, margin):
    """Hermans et al. 2017, equation 5, term by term, in float64."""
    features = np.asarray(features, np.float64)
    terms = []
    for a in range(len(labels)):
        positives, negatives = [], []
        for j in range(len(labels)):
            distance = math.sqrt(((features[a] - features[j])**2).sum())
            if labels[j] != labels[a]:
                negatives.append(distance)
            elif j != a:
                positives.append(distance)
        if positives:
            x = max(positives) - min(negatives)
            terms.append(
                math.log1p(math.exp(x)) if margin is None else max(
                    0., margin + x))
    return sum(terms) / len(terms)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=3, max_size=12).filter(
        lambda labels: 1 < len(set(labels)) < len(labels)),
    st.integers(0, 1000), st.sampled_from(MARGINS))
def test_equals_the_definition(labels, seed, margin):
    """Samples without a positive among them."""
    features = np.random.default_rng(seed).normal(size=(len(labels), 3))
    loss = BatchHardTripletLoss(margin)(
        torch.tensor(features), torch.tensor(labels))
    assert loss.item() == pytest.approx(
        slow_loss(features, labels, margin), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize('margin', [0.3, None])
def test_of_a_batch_of_64(margin):
    generator = torch.Generator().manual_seed(0)
    features = 5 + torch.randn(64, 512, generator=generator)
    labels = torch.arange(16).repeat_interleave(4)
    features[1] = features[0] + 1e-3  # small distances stay exact
    loss = BatchHardTripletLoss(margin)(features, labels)
    assert loss.item() == pytest.approx(
        slow_loss(features, labels, margin), rel=1e-5)


def test_by_hand():
    """On a line: 0 and 1 are one person, 3 and 7 another."""
    features = torch.tensor([[0.], [1.], [3.], [7.]])
    labels = torch.tensor([5, 5, 9, 9])
    # farthest positive − nearest negative: 1 − 3, 1 − 2, 4 − 2, 4 − 6
    loss = BatchHardTripletLoss(0.5)(features, labels)
    assert loss.item() == 2.5 / 4
    loss = BatchHardTripletLoss(None, loss_weight=2)(features, labels)
    softplus = [math.log1p(math.exp(x)) for x in (-2, -1, 2, -2)]
    assert loss.item() == pytest.approx(2 * sum(softplus) / 4, rel=1e-6)


@pytest.mark.parametrize('margin', [1., None])
def test_gradcheck(margin):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(8, 4, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2])
    criterion = BatchHardTripletLoss(margin)
    assert torch.autograd.gradcheck(lambda x: criterion(x, labels),
                                    features.requires_grad_())


def test_equal_features_have_a_finite_gradient():
    features = torch.ones(4, 8, requires_grad=True)
    loss = BatchHardTripletLoss(0.3)(features, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.3)
    assert torch.equal(features.grad, torch.zeros(4, 8))


def test_half_precision_is_widened():
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(8, 256, generator=generator).bfloat16()
    labels = torch.arange(4).repeat(2)
    criterion = BatchHardTripletLoss()
    expected = criterion(half.float(), labels)
    with torch.autocast('cpu', torch.bfloat16):
        loss = criterion(half, labels)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected)


def test_is_registered():
    loss = MODELS.build(dict(type='BatchHardTripletLoss', margin=0.5))
    assert isinstance(loss, BatchHardTripletLoss)
    assert 'margin=0.5' in repr(loss)


@pytest.mark.parametrize('labels, found', [
    ([0, 1, 2, 3], '4 samples of 4 labels'),
    ([7, 7, 7, 7], '4 samples of 1 labels'),
    ([0], '1 samples of 1 labels'),
])
def test_batch_without_a_triplet(labels, found):
    with pytest.raises(ValueError, match=f'{found}.*CURSampler'):
        BatchHardTripletLoss()(
            torch.rand(len(labels), 2), torch.tensor(labels))


def test_shapes_that_differ():
    with pytest.raises(ValueError, match=r'got \(4, 2, 2\) and \(4,\)'):
        BatchHardTripletLoss()(torch.rand(4, 2, 2), torch.zeros(4))
    with pytest.raises(ValueError, match=r'got \(4, 2\) and \(3,\)'):
        BatchHardTripletLoss()(torch.rand(4, 2), torch.zeros(3))


@pytest.mark.parametrize('margin', [-0.1, math.nan, math.inf])
def test_margin_out_of_range(margin):
    with pytest.raises(ValueError, match='margin must be at least 0'):
        BatchHardTripletLoss(margin)


def test_arguments_no_numbers():
    with pytest.raises(TypeError, match="margin must be a num.*'soft'"):
        BatchHardTripletLoss('soft')
    with pytest.raises(TypeError, match='loss_weight must be a number'):
        BatchHardTripletLoss(loss_weight='1')
