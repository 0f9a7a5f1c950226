"""An ONNX file says what the network says, or there is none."""
import builtins

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmcckd.export import Student, check_onnx_is_installed
from mmcckd.export.onnx_file import export_onnx, image_shape


class Network(nn.Module):

    def __init__(self, channels=3):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, images, mode):
        assert mode == 'tensor'
        return self.bn(self.conv(images)).mean((2, 3))


def student(model, dataset):
    config = Config(dict(test_dataloader=dict(dataset=dataset)))
    return Student(model, config, meta={}, source='', averaged=False)


def pipeline(*transforms):
    """Of a data set that is not on this machine."""
    return dict(
        type='ImageNet',
        data_root='/nowhere',
        pipeline=[
            dict(type='LoadImageFromFile'), *transforms,
            dict(type='PackInputs')
        ])


RESIZED = pipeline(
    dict(type='ResizeEdge', scale=36, edge='short'),
    dict(type='CenterCrop', crop_size=32))


def test_any_batch_gives_the_networks_logits(tmp_path):
    torch.manual_seed(0)
    model = Network()
    model(torch.randn(8, 3, 32, 32), mode='tensor')  # statistics of its own
    model.eval()
    path = tmp_path / 'out.onnx'
    export_onnx(student(model, RESIZED), path)
    session = onnxruntime.InferenceSession(str(path))
    image, = session.get_inputs()
    assert (image.name, image.shape) == ('images', ['batch', 3, 32, 32])
    output, = session.get_outputs()
    assert (output.name, output.shape) == ('logits', ['batch', 4])
    for n in (1, 3, 16):
        images = torch.randn(n, 3, 32, 32)
        found, = session.run(None, dict(images=images.numpy()))
        with torch.no_grad():
            expected = model(images, mode='tensor').numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not model.training  # the tracer leaves it so


@pytest.mark.parametrize('dataset, channels, shape', [
    (RESIZED, 3, (3, 32, 32)),
    (pipeline(dict(type='Resize', scale=(48, 40))), 3, (3, 40, 48)),
    (dict(type='Digits', split='test', pipeline=[dict(type='PackInputs')]), 1,
     (1, 8, 8)),
], ids=['crop', 'resize', 'as it is'])
def test_image_shape(dataset, channels, shape):
    assert image_shape(student(Network(channels), dataset)) == shape


def test_image_shape_unknown():
    unknown = pipeline(dict(type='ResizeEdge', scale=36, edge='short'))
    with pytest.raises(ValueError, match='The size of the images is not kno'):
        image_shape(student(Network(), unknown))


class Unsupported(nn.Module):

    def forward(self, images, mode):
        return torch.linalg.svdvals(images.flatten(1))


class OfOneBatch(nn.Module):
    """The tracer takes the length of a batch for a constant."""

    def forward(self, images, mode):
        return images.reshape(len(images), 3 * 32 * 32)


class ForOneBatch(nn.Module):

    def forward(self, images, mode):
        return images.flatten(1) + torch.zeros(len(images), 1)


class Features(nn.Module):

    def forward(self, images, mode):
        return images, images


@pytest.mark.parametrize('model, message', [
    (Unsupported(), 'torch cannot write this student as ONNX: '),
    (OfOneBatch(), 'fails on a batch of 1, traced on one of 2'),
    (ForOneBatch(), r'gives \(2, 3072\) logits for \(1, 3072\)'),
    (Features(), 'gives a tuple in place of logits'),
])
def test_errors(model, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_onnx(student(model, RESIZED), tmp_path / 'out.onnx')


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
