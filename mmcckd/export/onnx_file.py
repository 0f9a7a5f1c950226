"""A student's ONNX file."""
import inspect
import warnings
from pathlib import Path
from typing import Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.logging import print_log
from mmengine.registry import DATASETS, DefaultScope
from mmpretrain.datasets import remove_transform
from mmpretrain.registry import TRANSFORMS
from torch import Tensor, nn

from .student import Student

TOLERANCE = 1e-4
TRACED_BATCH = 2
OTHER_BATCHES = (1, 5)


def check_onnx_is_installed() -> None:
    """Raise unless ONNX files can be written and run.

    Raises:
        ImportError: If a package is missing; says what to install.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'ONNX needs the packages onnx and onnxruntime ({error}); run: '
            'pip install onnx onnxruntime') from error


def export_onnx(student: Student, path: Path) -> None:
    """Write the network as ONNX, and compare the file with it.

    The file takes ``images``, (n, c, h, w), float32, any n, as the data
    preprocessor hands them on: normalised. h and w are those of the config's
    test. It gives ``logits``, (n, classes), float32.

    Args:
        student (Student): What to write.
        path (Path): The file.

    Raises:
        ImportError: As :func:`check_onnx_is_installed` says.
        ValueError: If the size of the images is not known, the network cannot
            be traced, or the file's logits are not those of the network to
            ``TOLERANCE``, or to that part of the largest where it is above 1.
    """
    check_onnx_is_installed()
    network = _Logits(student.model).eval()
    shape = image_shape(student)
    generator = torch.Generator().manual_seed(0)
    batches = [
        torch.randn(n, *shape, generator=generator)
        for n in (TRACED_BATCH, *OTHER_BATCHES)
    ]
    with torch.no_grad():
        logits = network(batches[0])
    if not isinstance(logits, Tensor):
        raise ValueError(f'The student gives a {type(logits).__name__} in '
                         'place of logits; ONNX is for classifiers.')
    # torch 2.5 brought a second exporter, which needs a further package, and
    # a later one made it the default.
    choice = {}
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        choice['dynamo'] = False
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter('ignore')  # of the tracer, about shapes
            torch.onnx.export(
                network, (batches[0], ),
                str(path),
                input_names=['images'],
                output_names=['logits'],
                dynamic_axes=dict(images={0: 'batch'}, logits={0: 'batch'}),
                **choice)
    except Exception as error:  # of the tracer, or of an operator
        raise ValueError(
            f'torch cannot write this student as ONNX: '
            f'{type(error).__name__}: {error}') from error
    largest = max(_difference(network, path, images) for images in batches)
    print_log(
        f'ONNX: within {largest:.1e} of torch on batches of '
        f'{", ".join(str(len(images)) for images in batches)} random images '
        f'of {shape}.',
        logger='current')


def image_shape(student: Student) -> Tuple[int, int, int]:
    """(c, h, w) of the images that the test pipeline hands on.

    Raises:
        ValueError: If the pipeline hands on images of the size that they have,
            and the test set is not there to look at one.
    """
    channels = next((module.in_channels for module in student.model.modules()
                     if isinstance(module, nn.Conv2d)), 3)
    dataset = student.config.test_dataloader.dataset
    try:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            shapes = {
                _piped(dataset, (*size, channels))
                for size in ((1000, 1300), (900, 800))
            }
            if len(shapes) > 1:  # as large as the images are
                sample = DATASETS.build(dataset)[0]
                shapes = {tuple(sample['inputs'].shape)}
    except Exception as error:  # a data set is not there in many ways
        raise ValueError(
            'The size of the images is not known: the test pipeline does not '
            'set it, and the test set cannot be looked at: '
            f'{type(error).__name__}: {error} Put the data there, or give a '
            'config, by --config, whose test pipeline ends with a CenterCrop.'
        ) from error
    return shapes.pop()


def _piped(dataset: Config, shape: Tuple[int, int, int]) -> tuple:
    """The shape of what the pipeline makes of an image, (h, w, c)."""
    pipeline = Compose([
        TRANSFORMS.build(transform) for transform in remove_transform(
            dataset.pipeline, 'LoadImageFromFile')
    ])
    image = np.zeros(shape, np.uint8)
    sample = dict(img=image, img_shape=shape[:2], ori_shape=shape[:2])
    return tuple(pipeline(sample)['inputs'].shape)


def _difference(network: nn.Module, path: Path, images: Tensor) -> float:
    """Between the logits of the file and of the network; raises if large."""
    import onnxruntime
    with torch.no_grad():
        expected = network(images).numpy()
    try:
        session = onnxruntime.InferenceSession(
            str(path), providers=['CPUExecutionProvider'])
        found, = session.run(None, dict(images=images.numpy()))
    except Exception as error:  # onnxruntime has its own kinds
        raise ValueError(
            f'The ONNX file fails on a batch of {len(images)}, traced on one '
            f'of {TRACED_BATCH}: {error}') from error
    if found.shape != expected.shape:
        raise ValueError(f'The ONNX file gives {found.shape} logits for '
                         f'{expected.shape}.')
    difference = np.abs(found - expected).max() / max(
        1, np.abs(expected).max())
    if not difference <= TOLERANCE:
        raise ValueError(
            f'The ONNX file is off by {difference:.1e} on a batch of '
            f'{len(images)}, more than {TOLERANCE:.0e}.')
    return float(difference)


class _Logits(nn.Module):
    """The network without the choices that MMPretrain's forward has."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images, mode='tensor')
