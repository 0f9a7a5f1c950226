import numpy as np
import pytest
import torch
from mmpretrain.registry import MODELS
from torch import nn

from mmcckd.models.backbones.cifar_resnet import IdentityShortcut


def build(depth, **kwargs):
    return MODELS.build(dict(type='CIFARResNet', depth=depth, **kwargs))


def count_by_formula(depth, classes, base, stem, shortcut):
    """Parameters, from the layers as section 4.2 of the paper lists them."""

    def conv_and_norm(inputs, outputs, size):
        return size * size * inputs * outputs + 2 * outputs

    total, inputs = conv_and_norm(3, stem, 3), stem
    for stage in range(3):
        outputs = base * 2**stage
        if shortcut == 'projection' and (inputs != outputs or stage > 0):
            total += conv_and_norm(inputs, outputs, 1)
        for _ in range((depth - 2) // 6):
            total += conv_and_norm(inputs, outputs, 3)
            total += conv_and_norm(outputs, outputs, 3)
            inputs = outputs
    return total + (inputs + 1) * classes


@pytest.mark.parametrize(
    'depth, classes, base, stem, shortcut, parameters',
    [
        # He et al., table 6: 0.27 M, 0.85 M, 1.7 M
        (20, 10, 16, 16, 'identity', 269_722),
        (56, 10, 16, 16, 'identity', 853_018),
        (110, 10, 16, 16, 'identity', 1_727_962),
        # the models of the CRD tables
        (20, 100, 16, 16, 'projection', 278_324),
        (110, 100, 16, 16, 'projection', 1_736_564),
        (8, 100, 64, 32, 'projection', 1_233_540),
        (32, 100, 64, 32, 'projection', 7_433_860),
    ])
def test_number_of_parameters(depth, classes, base, stem, shortcut,
                              parameters):
    backbone = build(
        depth, base_channels=base, stem_channels=stem, shortcut=shortcut)
    head = nn.Linear(backbone.feat_dim, classes)
    counted = sum(
        p.numel() for module in (backbone, head)
        for p in module.parameters())
    assert counted == parameters
    assert count_by_formula(depth, classes, base, stem, shortcut) == parameters


@pytest.mark.parametrize('shortcut', ['projection', 'identity'])
def test_layers_and_shapes(shortcut):
    backbone = build(14, shortcut=shortcut, out_indices=(0, 1, 2))
    convolutions = [
        name for name, module in backbone.named_modules()
        if isinstance(module, nn.Conv2d) and 'downsample' not in name
    ]
    assert len(convolutions) == 14 - 1  # the last layer is the head's
    outputs = backbone(torch.rand(2, 3, 32, 32))
    assert [tuple(x.shape) for x in outputs] == [(2, 16, 32, 32),
                                                 (2, 32, 16, 16),
                                                 (2, 64, 8, 8)]


def test_defaults():
    backbone = build(20)
    output, = backbone(torch.rand(2, 3, 32, 32))
    assert output.shape == (2, 64, 8, 8)
    assert isinstance(backbone.layer2[0].downsample[0], nn.Conv2d)
    backbone.init_weights()
    assert (backbone.layer1[0].norm2.weight == 1).all()
    backbone = build(20, zero_init_residual=True, in_channels=1)
    backbone.init_weights()
    assert (backbone.layer1[0].norm2.weight == 0).all()
    assert backbone(torch.rand(1, 1, 32, 32))[0].shape == (1, 64, 8, 8)


def test_stem_stride():
    """The weights are the same, and fit."""
    strided, plain = build(8, stem_stride=2), build(8)
    strided.load_state_dict(plain.state_dict())
    x = torch.rand(2, 3, 32, 32)
    assert strided(x)[0].shape == (2, 64, 4, 4)
    assert torch.allclose(
        strided.conv1(x), plain.conv1(x)[:, :, ::2, ::2], atol=1e-6)


@pytest.mark.parametrize('stride', [0, -1, 1.5, '2'])
def test_wrong_stem_stride(stride):
    with pytest.raises(ValueError, match=f'at least 1, but is {stride!r}'):
        build(8, stem_stride=stride)


@pytest.mark.parametrize('in_channels, out_channels, stride',
                         [(3, 6, 2), (2, 5, 1), (4, 4, 2), (3, 8, 3)])
def test_identity_shortcut_against_loops(in_channels, out_channels, stride):
    x = torch.rand(2, in_channels, 8, 6)
    rows, columns = -(-8 // stride), -(-6 // stride)
    expected = np.zeros((2, out_channels, rows, columns), np.float32)
    for n, c, i, j in np.ndindex(2, in_channels, rows, columns):
        expected[n, c, i, j] = x[n, c, i * stride, j * stride]
    shortcut = IdentityShortcut(in_channels, out_channels, stride)
    assert torch.equal(shortcut(x), torch.from_numpy(expected))


def test_a_block_without_residual_is_its_shortcut():
    backbone = build(8, shortcut='identity', zero_init_residual=True)
    backbone.init_weights()
    backbone.eval()
    x = torch.rand(2, 16, 32, 32)
    output = backbone.layer2(x)
    assert torch.equal(output[:, :16], x[:, :, ::2, ::2])
    assert (output[:, 16:] == 0).all()


@pytest.mark.parametrize('depth', [2, 18, 21, -4, 20.0])
def test_wrong_depth(depth):
    with pytest.raises(ValueError, match=f'must be 6n . 2.*but is {depth}'):
        build(depth)


def test_unknown_shortcut():
    with pytest.raises(ValueError, match="'projection', 'identity'.*'pad'"):
        build(20, shortcut='pad')


def test_identity_shortcut_cannot_drop_channels():
    with pytest.raises(ValueError, match='from 32 to 16. Set stem_ch'):
        build(20, stem_channels=32, shortcut='identity')
