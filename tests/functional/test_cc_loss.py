import copy
import pickle

import pytest
import torch

from mmcckd.functional import CCLoss
from mmcckd.models import (
    BilinearKernelConnector,
    CorrelationCongruenceLoss,
    GaussianRBFKernelConnector,
    MMDKernelConnector,
)

KERNELS = [
    ('gaussian_rbf', {}, GaussianRBFKernelConnector),
    ('gaussian_rbf', dict(delta=2., order=None), GaussianRBFKernelConnector),
    ('gaussian_rbf', dict(gamma=.01, order=None, normalize=False),
     GaussianRBFKernelConnector),
    ('bilinear', {}, BilinearKernelConnector),
    ('naive_mmd', {}, MMDKernelConnector),
]


def features(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize('kernel, arguments, connector', KERNELS)
def test_equals_connectors_and_registered_loss(kernel, arguments, connector):
    """Bit for bit, with features of different widths."""
    connector = connector(**arguments)
    expected = features(12, 6, 2, 2).requires_grad_()
    student = expected.detach().clone().requires_grad_()
    teacher = features(12, 40, seed=1).requires_grad_()
    registered = CorrelationCongruenceLoss(loss_weight=100.)(
        connector(expected), connector(teacher))
    registered.backward()

    loss = CCLoss(kernel, loss_weight=100., **arguments)(student, teacher)
    loss.backward()
    assert torch.equal(loss, registered)
    assert torch.equal(student.grad, expected.grad)
    assert student.grad.abs().max() > 0
    assert teacher.grad is None


def test_features_as_necks_return_them():
    student, teacher = features(5, 4, 2, 2), features(5, 6, seed=1)
    criterion = CCLoss()
    assert torch.equal(
        criterion((student, ), [teacher]),
        criterion(student.flatten(1), teacher))
    with pytest.raises(ValueError, match='CCLoss takes one feature per sampl'):
        criterion((student, student), teacher)
    with pytest.raises(ValueError, match=r'CCLoss takes features of shape'):
        criterion(student, teacher[..., None])


def test_half_precision():
    student, teacher = features(2, 16, 8).half()
    loss = CCLoss()(student, teacher)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, CCLoss()(student.float(), teacher.float()))


def test_copies():
    criterion = CCLoss(gamma=0.7, order=3, loss_weight=2.)
    x = features(2, 6, 5)
    for copied in (copy.deepcopy(criterion),
                   pickle.loads(pickle.dumps(criterion))):
        assert torch.equal(copied(*x), criterion(*x))
    assert repr(criterion) == ('CCLoss(kernel=gaussian_rbf, gamma=0.7, '
                               'order=3, gather=False, loss_weight=2.0)')


def test_different_numbers_of_samples():
    with pytest.raises(
            ValueError, match='5 samples of the student and 4 of the teacher'):
        CCLoss()(features(5, 3), features(4, 3))


def test_nan_names_the_side():
    teacher = features(4, 3)
    teacher[2, 1] = torch.nan
    with pytest.raises(ValueError, match="NaN.*: the teacher's in 4 of 4"):
        CCLoss()(features(4, 3), teacher)


@pytest.mark.parametrize('arguments, error, message', [
    (dict(kernel='rbf'), ValueError,
     "one of gaussian_rbf, bilinear, naive_mmd, but is 'rbf'"),
    (dict(kernel='bilinear', gamma=0.4), TypeError,
     'kernel bilinear has no hyper-parameter gamma; it has none'),
    (dict(gama=0.4, ordre=2), TypeError,
     'no hyper-parameter gama, ordre; it has gamma, order, delta, normalize'),
    (dict(order=0), ValueError, 'order must be at least 1'),
    (dict(gamma=0.4, delta=1.), ValueError, 'give one of them'),
    (dict(normalize=False), ValueError, 'normalize=False with order=2'),
    (dict(gather='all'), TypeError, "True or False, but is 'all'"),
    (dict(loss_weight=-1), ValueError, 'loss_weight must be at least 0'),
])
def test_bad_arguments_are_found_when_built(arguments, error, message):
    with pytest.raises(error, match=message):
        CCLoss(**arguments)
