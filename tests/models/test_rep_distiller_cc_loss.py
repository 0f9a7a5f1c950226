import math

import numpy as np
import pytest
import torch
from mmrazor.registry import MODELS

from mmcckd.models import RepDistillerCCLoss


def features(n=6, d=5):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, n, d, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize('n, d', [(2, 1), (6, 5), (7, 128)])
def test_equals_the_formula(n, d):
    student, teacher = features(n, d)
    difference = np.abs(student.numpy() - teacher.numpy())
    expected = 0.
    for i in range(n - 1):
        for k in range(d):
            expected += difference[i, k] * difference[i + 1, k] / (n - 1)
    loss = RepDistillerCCLoss(loss_weight=3)(student, teacher)
    assert loss.item() == pytest.approx(3 * expected, rel=1e-12)


def test_a_value_by_hand():
    student = torch.tensor([[1., 0.], [2., -3.], [0., 5.]])
    # The products are 1 · 2 + 0 · 3 = 2 and 2 · 0 + 3 · 5 = 15.
    loss = RepDistillerCCLoss()(student, torch.zeros(3, 2))
    assert loss.item() == pytest.approx(0.02 * 17 / 2)


def test_the_gradient_reaches_both_sides():
    student, teacher = features().requires_grad_()
    assert torch.autograd.gradcheck(RepDistillerCCLoss(2.),
                                    (student, teacher))


def test_the_order_of_the_batch_matters():
    student = torch.tensor([[1.], [0.], [1.]])
    criterion = RepDistillerCCLoss(1.)
    assert criterion(student, torch.zeros(3, 1)) == 0
    assert criterion(student.roll(1, 0), torch.zeros(3, 1)) == 0.5


def test_a_rotated_teacher_differs():
    _, teacher = features()
    rotated = teacher.roll(1, dims=1)  # the same inner products
    assert RepDistillerCCLoss(1.)(rotated, teacher) > 0.1


def test_is_registered():
    loss = MODELS.build(dict(type='RepDistillerCCLoss'))
    assert isinstance(loss, RepDistillerCCLoss)
    assert 'loss_weight=0.02' in repr(loss)


@pytest.mark.parametrize('student, teacher', [
    ((4, 3), (4, 5)),
    ((4, ), (4, )),
    ((1, 3), (1, 3)),
])
def test_features_that_cannot_be_compared(student, teacher):
    with pytest.raises(ValueError, match='of one shape .*linear connector'):
        RepDistillerCCLoss()(torch.zeros(student), torch.zeros(teacher))


def test_weight_out_of_range():
    with pytest.raises(ValueError, match='loss_weight must be at least 0'):
        RepDistillerCCLoss(-math.inf)
