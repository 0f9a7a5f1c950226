import copy

import pytest
import torch
from torch import nn

from mmcckd.models.relu6 import keep_outputs_of_relu6


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(inplace=True),
        nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))


def saved_bytes(model, images):
    """Bytes that the forward pass keeps for the backward pass."""
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        model(images)
    return sum(storage.nbytes() for storage in storages.values())


@pytest.mark.parametrize('dtype', (torch.float32, torch.bfloat16))
def test_outputs_and_gradients_are_bit_identical(dtype):
    expected = network().to(dtype)
    found = copy.deepcopy(expected)
    keep_outputs_of_relu6(found)
    images = (20 * torch.randn(4, 3, 9, 9)).to(dtype)
    results = []
    for model in (expected, found):
        x = images.clone().requires_grad_()
        output = model(x)
        (output * torch.linspace(-1, 1, 5)).sum().backward()
        results.append(
            [output, x.grad, *(p.grad for p in model.parameters())])
    for a, b in zip(*results):
        assert torch.equal(a, b)


def test_edges_have_no_gradient():
    model = nn.Sequential(nn.ReLU6(inplace=True))
    keep_outputs_of_relu6(model)
    x = torch.tensor([-1., -0., 0., 3., 6., 7., float('nan')])
    x.requires_grad_()
    model(x * 1).sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1, 0, 0, 1]


def test_second_derivative():
    model = nn.Sequential(nn.ReLU6(inplace=True))
    keep_outputs_of_relu6(model)
    x = torch.linspace(-1.05, 2.55, 10, dtype=torch.float64)
    x.requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: model(x**3), x)


def test_no_copy_is_kept():
    images = torch.randn(2, 3, 32, 32)
    model = network()
    before = saved_bytes(model, images)
    keep_outputs_of_relu6(model)
    # The copy of the input was kept, and the output of the first one anyway,
    # as the input of a convolution.
    assert before - saved_bytes(model, images) == 4 * 2 * 8 * 30**2


def test_only_relu6_in_place_is_changed():

    class Other(nn.ReLU6):
        pass

    model = nn.Sequential(
        nn.ReLU6(), Other(inplace=True), nn.ReLU(inplace=True))
    keep_outputs_of_relu6(model)
    assert [type(child) for child in model] == [nn.ReLU6, Other, nn.ReLU]


def test_network_can_be_copied_and_compiled():
    model = network()
    keep_outputs_of_relu6(model)
    images = torch.randn(4, 3, 9, 9)
    expected = model(images)
    assert torch.equal(copy.deepcopy(model)(images), expected)
    compiled = torch.compile(model, backend='aot_eager', fullgraph=True)
    torch.testing.assert_close(compiled(images), expected)


@pytest.mark.parametrize('convert', [
    torch.fx.symbolic_trace,
    lambda model: torch.jit.trace(model, torch.zeros(2, 3, 9, 9)),
    torch.jit.script,
])
def test_network_can_be_exported(convert):
    model = network().eval()
    keep_outputs_of_relu6(model)
    images = torch.randn(4, 3, 9, 9)
    assert torch.equal(convert(model)(images), model(images))


def test_output_changed_in_place():
    model = nn.Sequential(nn.ReLU6(inplace=True), nn.Dropout(inplace=True))
    keep_outputs_of_relu6(model)
    x = torch.ones(9, requires_grad=True)
    with pytest.raises(RuntimeError, match='set inplace=False in one of'):
        model(x * 1).sum().backward()
