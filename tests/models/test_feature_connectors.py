"""PoolConnector and TokenConnector against loops, and what they refuse."""
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmpretrain.models import DistilledVisionTransformer, VisionTransformer
from mmrazor.registry import MODELS
from torch import nn

KERNEL = dict(type='GaussianRBFKernelConnector')
LINEAR = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=3, out_features=5))


def build(kind, **arguments):
    return MODELS.build(dict(type=kind, **arguments))


def in_a_list(*connectors):
    """As a distiller builds a list of connectors."""
    return nn.Sequential(*map(MODELS.build, connectors))


def pooled(maps):
    """The mean of each channel over all positions, by loops."""
    n, c, h, w = maps.shape
    return np.array([[
        sum(maps[i, j, y, x] for y in range(h) for x in range(w)) / (h * w)
        for j in range(c)
    ] for i in range(n)])


def pyramid(levels=3, n=2):
    torch.manual_seed(0)
    return tuple(
        torch.rand(n, 3 + i, 8 // 2**i, 12 // 2**i) for i in range(levels))


def test_pooling_one_map():
    x, = pyramid(1)
    expected = pooled(x.double().numpy())
    for feature in (x, (x, ), [x]):
        for level in (None, 0, -1, 'all'):
            np.testing.assert_allclose(
                build('PoolConnector', level=level)(feature).numpy(),
                expected, rtol=1e-5)
    channels_last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(
        build('PoolConnector')(channels_last), build('PoolConnector')(x))


def test_pooling_a_pyramid():
    maps = pyramid()
    expected = [pooled(x.double().numpy()) for x in maps]
    for level in (0, 2, -1, -3):
        np.testing.assert_allclose(
            build('PoolConnector', level=level)(maps).numpy(),
            expected[level], rtol=1e-5)
    every = build('PoolConnector', level='all')(maps)
    assert every.shape == (2, 3 + 4 + 5)
    np.testing.assert_allclose(
        every.numpy(), np.concatenate(expected, 1), rtol=1e-5)


@given(
    st.integers(1, 3), st.integers(0, 3), st.integers(1, 5),
    st.integers(1, 4))
def test_tokens(n, extra, patches, d):
    x = torch.arange(n * (extra + patches) * d).float().reshape(n, -1, d)
    tokens = x.numpy().astype(float)
    mean = [[
        sum(tokens[i, extra + j, k] for j in range(patches)) / patches
        for k in range(d)
    ] for i in range(n)]
    connector = build('TokenConnector', num_extra_tokens=extra)
    for feature in (x, (x, ), [[x]]):
        np.testing.assert_allclose(
            connector(feature).numpy(), mean, rtol=1e-5)
    if extra:
        connector = build('TokenConnector', pool='cls', num_extra_tokens=extra)
        assert np.array_equal(connector((x, )).numpy(), tokens[:, 0])


def test_a_map_and_the_class_token():
    maps, cls_token = torch.rand(2, 5, 3, 3), torch.rand(2, 5)
    for feature in ((maps, cls_token), [(maps, cls_token)]):
        assert torch.equal(
            build('TokenConnector', pool='cls')(feature), cls_token)
        np.testing.assert_allclose(
            build('TokenConnector')(feature).numpy(),
            pooled(maps.double().numpy()), rtol=1e-5)


@pytest.mark.parametrize('kind, extra', [
    (VisionTransformer, 1),
    (DistilledVisionTransformer, 2),
])
def test_tokens_of_mmpretrain(kind, extra):
    """What MMPretrain calls cls_token, and the mean of its map."""
    arch = dict(
        embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8)
    torch.manual_seed(0)
    backbone = kind(arch, img_size=8, patch_size=4, out_type='raw')
    backbone.eval()
    images = torch.rand(3, 3, 8, 8)

    def features(out_type):
        backbone.out_type = out_type
        return backbone(images)

    cls_token = features('cls_token')[0]
    if extra == 2:
        cls_token, _ = cls_token
    raw = features('raw')
    assert raw[0].shape == (3, extra + 4, 8)
    assert torch.equal(
        build('TokenConnector', pool='cls', num_extra_tokens=extra)(raw),
        cls_token)
    torch.testing.assert_close(
        build('TokenConnector', num_extra_tokens=extra)(raw),
        build('PoolConnector')(features('featmap')))


@pytest.mark.parametrize('connector, feature', [
    (dict(type='PoolConnector'), torch.rand(4, 3, 2, 2)),
    (dict(type='TokenConnector'), torch.rand(4, 6, 3)),
    (dict(type='TokenConnector', pool='cls'), torch.rand(4, 6, 3)),
])
def test_before_a_projection_and_a_kernel(connector, feature):
    connectors = in_a_list(connector, LINEAR, KERNEL)
    feature.requires_grad_()
    correlations = connectors((feature, ))
    assert correlations.shape == (4, 4)
    projected = connectors[1](MODELS.build(connector)(feature))
    assert torch.equal(correlations, MODELS.build(KERNEL)(projected))
    correlations.sum().backward()
    assert feature.grad.abs().sum() > 0
    assert all(p.grad.abs().sum() > 0 for p in connectors.parameters())


LEVELS = (r'got 3 levels \(0: \(2, 3, 8, 12\), 1: \(2, 4, 4, 6\), 2: '
          r'\(2, 5, 2, 3\)\)')


@pytest.mark.parametrize('kind', ['PoolConnector', 'PositionConnector'])
def test_levels_that_do_not_exist(kind):
    maps = pyramid()
    with pytest.raises(ValueError, match=f'{kind} takes one map, but {LEVELS};'
                       ' select one with level, such as level=-1'):
        build(kind)(maps)
    for level in (3, -4):
        with pytest.raises(
                ValueError, match=f'has level={level}, but {LEVELS}; set '
                'level to at most 2'):
            build(kind, level=level)(list(maps))
    with pytest.raises(ValueError, match='takes one map, but got no level'):
        build(kind)(())
    with pytest.raises(ValueError, match=r'1 level \(0: \(2, 3, 8, 12\)\)'):
        build(kind, level=1)(maps[0])


@pytest.mark.parametrize('kind', ['PoolConnector', 'PositionConnector'])
@pytest.mark.parametrize('level', [1.0, True, '2', 'last', [0]])
def test_level_of_another_type(kind, level):
    with pytest.raises(TypeError, match='level must be the index of a level, '
                       'an int, or None.*but is'):
        build(kind, level=level)


@pytest.mark.parametrize('kind', ['PoolConnector', 'PositionConnector'])
@pytest.mark.parametrize('shape', [(4, 5), (4, 7, 5), (4, ), (4, 5, 2, 2, 2)])
def test_features_without_positions(kind, shape):
    message = (r'takes maps of shape \(n, c, h, w\), but got \(4,.*; record a '
               'module before the global pooling')
    x = torch.rand(shape)
    for feature in (x, (x, )):
        with pytest.raises(ValueError, match=message):
            build(kind)(feature)
    with pytest.raises(ValueError, match=message):
        build('PoolConnector', level='all')((torch.rand(4, 3, 2, 2), x))
    with pytest.raises(TypeError, match=r'\(n, c, h, w\), but got dict'):
        build(kind)(dict(x=x))


@pytest.mark.parametrize('feature, shown', [
    (torch.rand(4, 5), r'\(4, 5\)'),
    (torch.rand(4, 5, 2, 2), r'\(4, 5, 2, 2\)'),
    ((torch.rand(4, 5), ) * 2, r'a tuple of 2 \(\(4, 5\), \(4, 5\)\)'),
    ([None], 'NoneType'),
])
def test_features_that_are_not_tokens(feature, shown):
    for pool in ('cls', 'mean'):
        with pytest.raises(
                ValueError, match=rf'tokens of shape \(n, l, d\), but got '
                f'{shown}; record a module that returns all tokens'):
            build('TokenConnector', pool=pool)(feature)


@pytest.mark.parametrize('arguments, error, message', [
    (dict(pool='max'), ValueError, "one of .'mean', 'cls'., but is 'max'"),
    (dict(num_extra_tokens=-1), ValueError, 'at least 0, but is -1'),
    (dict(num_extra_tokens=1.), TypeError, 'an int, but is 1.0'),
    (dict(num_extra_tokens=True), TypeError, 'an int, but is True'),
    (dict(pool='cls', num_extra_tokens=0), ValueError,
     "pool='cls' needs a class token, but num_extra_tokens=0"),
])
def test_arguments_of_the_token_connector(arguments, error, message):
    with pytest.raises(error, match=message):
        build('TokenConnector', **arguments)


def test_fewer_tokens_than_extra_tokens():
    for pool in ('cls', 'mean'):
        with pytest.raises(
                ValueError, match=r'num_extra_tokens=2, but got 2 tokens, of '
                r'shape \(4, 2, 5\)'):
            build('TokenConnector', pool=pool, num_extra_tokens=2)(
                torch.rand(4, 2, 5))


def test_arguments_are_shown():
    assert 'level=-1' in repr(build('PoolConnector', level=-1))
    assert "pool='cls', num_extra_tokens=2" in repr(
        build('TokenConnector', pool='cls', num_extra_tokens=2))
