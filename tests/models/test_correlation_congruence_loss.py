import math

import numpy as np
import pytest
import torch
from mmrazor.registry import MODELS

from mmcckd.functional import gaussian_rbf
from mmcckd.models import CorrelationCongruenceLoss, GaussianRBFKernelConnector


def matrices(n, m=None, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, n, m or n, generator=generator, dtype=dtype)


@pytest.mark.parametrize('n, m', [(7, 7), (1, 1), (3, 12)])
def test_equals_the_formula(n, m):
    student, teacher = matrices(n, m)
    expected = 0.
    for s, t in zip(student.double().flatten(), teacher.double().flatten()):
        expected += (s.item() - t.item())**2 / (n * m)
    loss = CorrelationCongruenceLoss(loss_weight=3)(student, teacher)
    assert loss.item() == pytest.approx(3 * expected, rel=1e-6)


def test_sums_of_a_large_batch_stay_exact():
    student, teacher = matrices(2048)
    expected = np.square(student.double() - teacher.double()).mean().item()
    loss = CorrelationCongruenceLoss()(student, teacher)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_gradcheck_and_no_gradient_to_the_teacher():
    student, teacher = matrices(4, dtype=torch.float64)
    student[1] = teacher[1]  # a row that is there already
    student.requires_grad_()
    criterion = CorrelationCongruenceLoss(2.)
    assert torch.autograd.gradcheck(lambda s: criterion(s, teacher), student)
    teacher.requires_grad_()
    criterion(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad.abs().max() > 0


def test_zero_for_a_rotated_teacher():
    generator = torch.Generator().manual_seed(0)
    teacher = torch.randn(16, 32, generator=generator)
    rotation, _ = torch.linalg.qr(torch.randn(32, 32, generator=generator))
    kernel = GaussianRBFKernelConnector()
    loss = CorrelationCongruenceLoss()(
        kernel(teacher @ rotation), kernel(teacher))
    assert loss < 1e-12
    assert CorrelationCongruenceLoss()(
        kernel(teacher.flip(0)), kernel(teacher)) > 1e-4


def test_any_order_of_the_batch():
    generator = torch.Generator().manual_seed(0)
    student = torch.randn(12, 8, generator=generator)
    teacher = torch.randn(12, 20, generator=generator)
    order = torch.randperm(12, generator=generator)
    criterion = CorrelationCongruenceLoss()
    loss = criterion(gaussian_rbf(student), gaussian_rbf(teacher))
    shuffled = criterion(
        gaussian_rbf(student[order]), gaussian_rbf(teacher[order]))
    assert shuffled.item() == pytest.approx(loss.item(), rel=1e-6)


def test_half_precision_is_widened():
    student, teacher = matrices(64).half()
    loss = CorrelationCongruenceLoss()(student, teacher)
    assert loss.dtype == torch.float32
    expected = (student.double() - teacher.double()).square().mean().item()
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_is_registered():
    loss = MODELS.build(
        dict(type='CorrelationCongruenceLoss', loss_weight=0.5))
    assert isinstance(loss, CorrelationCongruenceLoss)
    assert 'loss_weight=0.5' in repr(loss)


def test_shapes_that_differ():
    with pytest.raises(
            ValueError, match=r'student has \(4, 4\).*teacher \(3, 3\)'):
        CorrelationCongruenceLoss()(torch.eye(4), torch.eye(3))
    with pytest.raises(ValueError, match='two correlation matrices'):
        CorrelationCongruenceLoss()(torch.ones(4), torch.ones(4))


@pytest.mark.parametrize('weight', [-1, math.nan, math.inf])
def test_weight_out_of_range(weight):
    with pytest.raises(ValueError, match='loss_weight must be at least 0'):
        CorrelationCongruenceLoss(weight)


def test_weight_no_number():
    with pytest.raises(TypeError, match="must be a number, but is 'high'"):
        CorrelationCongruenceLoss('high')


def test_no_correlation_matrix():
    with pytest.raises(TypeError, match='student must be a floating.*tuple'):
        CorrelationCongruenceLoss()((torch.eye(3), ), torch.eye(3))
    with pytest.raises(TypeError, match='teacher must be a.*int64'):
        CorrelationCongruenceLoss()(torch.eye(3), torch.eye(3).long())


@pytest.mark.parametrize('side', ['student', 'teacher'])
def test_nan_names_the_side(side):
    features = dict(student=torch.rand(4, 8), teacher=torch.rand(4, 8))
    features[side][2, 5] = math.nan
    kernel = GaussianRBFKernelConnector()
    with pytest.raises(ValueError, match=f"the {side}'s in 4 of 4") as error:
        CorrelationCongruenceLoss()(
            kernel(features['student']), kernel(features['teacher']))
    other = 'teacher' if side == 'student' else 'student'
    assert f"the {other}'s" not in str(error.value)
