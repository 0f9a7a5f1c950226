"""ONNX files give the same outputs as the network, or are not written."""
import builtins

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from mmpretrain import get_model
from mmpretrain.models import ClsHead, ImageClassifier
from torch import nn

from mmcckd.export import Student, check_onnx_is_installed
from mmcckd.export.onnx_file import TOLERANCE, export_onnx

PREPROCESSOR = dict(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True)


def student(model, size=32):
    """Of a network, from images to logits, or of a whole model."""
    if not isinstance(model, ImageClassifier):
        model = ImageClassifier(
            backbone=model, neck=Last(), head=ClsHead()).eval()
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(size, size)),
        dict(type='PackInputs')
    ]
    config = Config(
        dict(
            data_preprocessor=PREPROCESSOR,
            test_dataloader=dict(
                dataset=dict(type='ImageNet', pipeline=pipeline))))
    return Student(model, config, meta={}, source='', averaged=False)


class Last(nn.Module):

    def forward(self, logits):
        return (logits, )


class Network(nn.Module):

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, images):
        return self.bn(self.conv(images)).mean((2, 3))


def compare(path, model, name, size=32, sizes=(1, 3, 16)):
    """The largest difference to torch, of the largest value."""
    session = onnxruntime.InferenceSession(str(path))
    image, = session.get_inputs()
    assert (image.name, image.shape) == ('images', ['batch', 3, size, size])
    output, = session.get_outputs()
    assert (output.name, output.shape[0]) == (name, 'batch')
    differences = []
    for n in sizes:
        images = torch.randn(n, 3, size, size)
        found, = session.run(None, dict(images=images.numpy()))
        with torch.no_grad():
            expected = model(images).numpy()
        assert found.shape == expected.shape
        differences.append(
            np.abs(found - expected).max() / np.abs(expected).max())
    return max(differences)


def test_any_batch_gives_the_networks_logits(tmp_path):
    torch.manual_seed(0)
    network = Network()
    network(torch.randn(8, 3, 32, 32))  # statistics of its own
    exported = student(network.eval())
    path = tmp_path / 'out.onnx'
    text = export_onnx(exported, path)
    assert compare(path, network, 'logits') < 1e-5
    assert not exported.model.training  # the tracer leaves it so
    assert text.startswith(
        'images (n, 3, 32, 32), normalized (to_rgb=True, mean=[1, 2, 3], '
        'std=[4, 5, 6]) -> logits, whose softmax is the scores; within ')
    assert text.endswith(' of torch, relative to the largest value, on '
                         'batches of 2, 1, 5 random images.')


ARCH = dict(embed_dims=8, depths=[2, 2], num_heads=[1, 2])
SWIN = dict(img_size=32, window_size=4, patch_size=4, out_indices=(1, ))


@pytest.mark.parametrize('backbone', [
    dict(SWIN, type='SwinTransformer', arch=ARCH),
    dict(
        SWIN,
        type='SwinTransformerV2',
        arch=dict(ARCH, extra_norm_every_n_blocks=0)),
], ids=lambda backbone: backbone['type'])
def test_windows_of_any_batch(backbone, tmp_path):
    torch.manual_seed(0)
    swin = get_model(
        Config(
            dict(
                model=dict(
                    type='ImageClassifier',
                    backbone=backbone,
                    neck=dict(type='GlobalAveragePooling'),
                    head=dict(
                        type='LinearClsHead', num_classes=4,
                        in_channels=16)))))
    for weights in swin.parameters():
        if weights.dim() > 1:
            nn.init.normal_(weights, std=0.5)
    path = tmp_path / 'out.onnx'
    export_onnx(student(swin), path)
    assert compare(path, swin, 'logits') < TOLERANCE


class Chaos(nn.Module):
    """In float32, only few digits of its outputs are correct."""

    def forward(self, images):
        values = images.flatten(1)[:, :8].sigmoid()
        for _ in range(13):
            values = 3.9 * values * (1 - values)
        return values


def test_what_torch_itself_rounds_is_allowed(tmp_path):
    path = tmp_path / 'out.onnx'
    text = export_onnx(student(Chaos()), path)
    difference = compare(path, Chaos(), 'logits')
    assert TOLERANCE < difference < 0.01
    assert 'of torch (the network magnifies rounding errors), relative' in text


class Unsupported(nn.Module):

    def forward(self, images):
        return torch.linalg.svdvals(images.flatten(1))[None].repeat(
            len(images), 1)


class OfOneBatch(nn.Module):
    """Its batch size becomes a constant in the traced graph."""

    def forward(self, images):
        return images.reshape(len(images), 3 * 32 * 32)


class ForOneBatch(nn.Module):

    def forward(self, images):
        return images.flatten(1) + torch.zeros(len(images), 1)


class Undecided(nn.Module):
    """A network that a tracer cannot follow."""

    def forward(self, images):
        scale = 1.0 if images.shape[0] == 2 else 1.5
        return scale * images.flatten(1)


@pytest.mark.parametrize('network, message', [
    (Unsupported(), 'torch cannot write this student as ONNX: '),
    (OfOneBatch(), 'fails for a batch of 1, traced with a batch of 2'),
    (ForOneBatch(), r'logits of shape \(2, 3072\) instead of \(1, 3072\)'),
    (Undecided(), 'For a batch of 1, the ONNX file, traced with a batch of 2, '
     r'differs from torch by 3.3e-01 of the largest value of the logits, \d.*'
     r"\. Allowed are 1e-04, or ten times the rounding errors of torch's "
     'float32, here .*, up to 1e-02'),
])
def test_errors(network, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_onnx(student(network), tmp_path / 'out.onnx')


@pytest.mark.parametrize('missing', ['onnx', 'onnxruntime'])
def test_a_missing_package(missing, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name == missing:
            raise ModuleNotFoundError(f'No module named {name!r}')
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(
            ImportError,
            match=f"No module named '{missing}'.*pip install onnx onnxruntim"):
        check_onnx_is_installed()
