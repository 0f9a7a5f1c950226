import pytest
import torch
from mmpretrain.models import VisionTransformer
from mmrazor.models.architectures.connectors.base_connector import (
    BaseConnector,
)
from mmrazor.registry import MODELS
from torch import nn

from mmcckd import functional

CONFIGS = {
    'MMDKernelConnector': (dict(), functional.naive_mmd),
    'BilinearKernelConnector': (dict(), functional.bilinear),
    'GaussianRBFKernelConnector': (
        dict(delta=2., order=None, normalize=False),
        lambda x: functional.gaussian_rbf(
            x, gamma=1 / 8, order=None, normalize=False)),
}


@pytest.fixture(params=CONFIGS)
def connector_and_kernel(request):
    arguments, kernel = CONFIGS[request.param]
    connector = MODELS.build(dict(type=request.param, **arguments))
    assert isinstance(connector, BaseConnector)
    assert not list(connector.parameters())
    return connector, kernel


def test_shapes(connector_and_kernel):
    connector, kernel = connector_and_kernel
    x = torch.rand(5, 6, 2, 2)
    flat = kernel(x.flatten(1))
    assert torch.equal(connector(x), flat)
    assert torch.equal(connector(x.flatten(1)), flat)
    assert torch.equal(connector((x, )), flat)
    assert torch.equal(connector([x]), flat)
    channels_last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(connector(channels_last), flat)


def test_float32_at_least_under_autocast(connector_and_kernel):
    connector, kernel = connector_and_kernel
    linear = nn.Linear(64, 32)
    x = torch.rand(16, 64)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        feature = linear(x)
        assert feature.dtype == torch.bfloat16
        correlation = connector(feature)
    assert correlation.dtype in (torch.float32, torch.float64)
    assert torch.equal(correlation, kernel(feature.float()))


def test_composes_with_a_projection():
    distiller = MODELS.build(
        dict(
            type='ConfigurableDistiller',
            connectors=dict(feature_s=[
                dict(
                    type='TorchNNConnector',
                    module_name='Linear',
                    module_args=dict(in_features=6, out_features=10)),
                dict(type='GaussianRBFKernelConnector'),
            ])))
    x = torch.rand(4, 6)
    correlation = distiller.connectors['feature_s'](x)
    assert correlation.shape == (4, 4)
    correlation.sum().backward()
    projection = distiller.connectors['feature_s'][0]
    assert all(p.grad.abs().sum() > 0 for p in projection.parameters())


def test_defaults():
    connector = MODELS.build(dict(type='GaussianRBFKernelConnector'))
    assert repr(connector).splitlines()[0].endswith(
        '(gamma=0.4, order=2, normalize=True, gather=False)')
    x = torch.rand(4, 6)
    assert torch.equal(
        connector(x), functional.gaussian_rbf(x, gamma=0.4, order=2))


def test_features_of_another_shape(connector_and_kernel):
    connector, _ = connector_and_kernel
    for shape in ((4, ), (4, 3, 2), (4, 1, 1, 1, 1)):
        with pytest.raises(ValueError, match=r'\(n, d\) or \(n, c, h, w\)'):
            connector(torch.rand(shape))
    with pytest.raises(ValueError, match='tuple of 2.*data_idx=1'):
        connector((torch.rand(4, 3), torch.rand(4, 3)))
    with pytest.raises(TypeError, match='needs a tensor.*got dict'):
        connector(dict())


def test_features_of_tokens():
    """The message names what gives one feature for each sample."""
    connector = MODELS.build(dict(type='GaussianRBFKernelConnector'))
    arch = dict(
        embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8)

    def features(out_type):
        vit = VisionTransformer(
            arch, img_size=8, patch_size=4, out_type=out_type,
            with_cls_token=out_type != 'avg_featmap')
        return vit(torch.rand(3, 3, 8, 8))

    with pytest.raises(
            ValueError,
            match=r'got \(3, 5, 8\); record a module that gives one feature '
            "for each sample: the neck, or .* out_type='cls_token' or 'avg_"):
        connector(features('raw'))
    for out_type in ('cls_token', 'avg_featmap'):
        assert connector(features(out_type)).shape == (3, 3)


@pytest.mark.parametrize('name', [
    'MMDKernelConnector',
    'BilinearKernelConnector',
])
@pytest.mark.parametrize('argument', ['gamma', 'delta'])
def test_hyperparameter_of_another_kernel(name, argument):
    with pytest.raises(
            TypeError,
            match=f'{name} got {argument}.*GaussianRBFKernelConnector'):
        MODELS.build({'type': name, argument: 0.4})


@pytest.mark.parametrize('arguments, message', [
    (dict(gamma=0), 'gamma must be positive'),
    (dict(gamma=-0.4), 'gamma must be positive'),
    (dict(delta=1, gamma=0.4), 'give one of them'),
    (dict(order=0), 'order must be at least 1'),
    (dict(order=2, normalize=False), 'order=None'),
])
def test_bad_hyperparameters_are_found_when_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='GaussianRBFKernelConnector', **arguments))


def test_flatten_connector():
    """A linear layer accepts the flattened outputs of necks."""
    connector = MODELS.build(dict(type='FlattenConnector'))
    x = torch.rand(5, 6, 2, 2)
    for feature in (x, (x, ), [x.flatten(1)], x.flatten(1)):
        assert torch.equal(connector(feature), x.flatten(1))
    with pytest.raises(ValueError, match='FlattenConnector takes one feature'):
        connector((x, x))
    with pytest.raises(ValueError, match=r'FlattenConnector takes features of '
                       r'shape \(n, d\) or \(n, c, h, w\), but got \(5, 6, 4'):
        connector(x.flatten(2))
