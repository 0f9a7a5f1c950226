"""Second derivatives, torch.func and torch.compile."""
import pytest
import torch
from torch.autograd import gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, vmap

from mmcckd.functional import CCLoss, gaussian_rbf

LOSSES = {
    'taylor': CCLoss(loss_weight=3.),
    'exact': CCLoss(order=None),
    'exact, any length': CCLoss(gamma=.1, order=None, normalize=False),
    'bilinear': CCLoss('bilinear'),
    'mmd': CCLoss('naive_mmd'),
}
RBFS = {
    'taylor 2': dict(),
    'taylor 5': dict(gamma=2., order=5),
    'exact': dict(order=None),
    'exact, any length': dict(gamma=.1, order=None, normalize=False),
}


@pytest.fixture(params=LOSSES)
def criterion(request):
    return LOSSES[request.param]


def features(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype)


def gradient(criterion, student, teacher):
    student = student.clone().requires_grad_()
    return torch.autograd.grad(criterion(student, teacher), student)[0]


def test_double_backward_of_the_loss(criterion):
    teacher = features(4, 5, seed=1)
    assert gradgradcheck(
        lambda student: criterion(student, teacher),
        features(4, 3).requires_grad_())


@pytest.mark.parametrize('arguments', RBFS.values(), ids=RBFS)
def test_double_backward_of_the_kernels(arguments):
    x = features(4, 3).requires_grad_()
    y = features(5, 3, seed=1).requires_grad_()

    def kernel(*inputs):
        return gaussian_rbf(*inputs, **arguments)

    assert gradgradcheck(kernel, (x, y))
    assert gradgradcheck(kernel, (x.detach(), y))
    assert gradgradcheck(lambda x: kernel(x, x), x)


def test_gradient_that_can_be_differentiated_is_the_same(criterion):
    student, teacher = features(16, 8), features(16, 8, seed=1)
    x = student.clone().requires_grad_()
    again, = torch.autograd.grad(criterion(x, teacher), x, create_graph=True)
    torch.testing.assert_close(again, gradient(criterion, student, teacher))


@pytest.mark.parametrize('order', [2, None])
def test_double_backward_of_zero_and_equal_features(order):
    """A zero row has no derivative; equal rows have curvature."""
    criterion = CCLoss(gamma=3., order=order)
    teacher = features(5, 7, seed=1)

    def penalty(student):
        gradient, = torch.autograd.grad(
            criterion(student, teacher), student, create_graph=True)
        return gradient.square().sum()

    student = features(5, 3)
    student[1] = 0
    student.requires_grad_()
    penalty(student).backward()
    assert student.grad.isfinite().all()
    assert not student.grad[1].any() and student.grad[0].any()

    student = features(5, 3)
    student[1] = student[0]
    student.requires_grad_()
    assert gradgradcheck(lambda x: criterion(x, teacher), student)


def test_func(criterion):
    students, teachers = features(3, 6, 5), features(3, 6, 8, seed=1)
    expected = torch.stack(
        [gradient(criterion, *pair) for pair in zip(students, teachers)])
    torch.testing.assert_close(
        vmap(grad(criterion))(students, teachers), expected)
    torch.testing.assert_close(
        vmap(criterion)(students, teachers),
        torch.stack([criterion(*pair) for pair in zip(students, teachers)]))
    for jacobian in (jacrev, jacfwd):
        torch.testing.assert_close(
            jacobian(criterion)(students[0], teachers[0]), expected[0])
    torch.testing.assert_close(
        hessian(criterion)(students[0], teachers[0]),
        torch.autograd.functional.hessian(
            lambda student: criterion(student, teachers[0]), students[0]))


def test_func_leaves_out_the_check_for_nan():
    student = torch.full((4, 3), torch.nan)
    assert vmap(CCLoss())(student[None], student[None]).isnan().all()


def test_compile(criterion):
    """Traced in one graph with its backward; the code is Inductor's to make,
    which takes a minute."""
    torch._dynamo.reset()
    compiled = torch.compile(criterion, fullgraph=True, backend='aot_eager')
    student, teacher = features(16, 8), features(16, 12, seed=1)
    torch.testing.assert_close(
        compiled(student, teacher), criterion(student, teacher))
    torch.testing.assert_close(
        gradient(compiled, student, teacher),
        gradient(criterion, student, teacher))
