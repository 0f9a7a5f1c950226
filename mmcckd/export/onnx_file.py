"""A student's ONNX file."""
import copy
import inspect
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mmcckd.compat.mmpretrain_windows import windows_of_any_batch

from .images import image_shape, normalization
from .onnx_output import Output, output_of
from .student import Student

# Parts of the largest absolute value that torch gives: what is right for all
# networks, and for those that magnify what float32 rounds.
TOLERANCE = 1e-4
LARGEST_TOLERANCE = 1e-2
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


def export_onnx(student: Student, path: Path) -> str:
    """Write the network as ONNX, and compare the file with it.

    The file takes ``images``, (n, c, h, w), float32, any n, as the data
    preprocessor hands them on: normalized. h and w are those of the config's
    test. It gives what :func:`~mmcckd.export.onnx_output.output_of` finds, in
    float32: ``logits``, (n, classes), or ``feature``, (n, d).

    Batches of several sizes are compared. The largest difference between the
    file and torch, divided by the largest absolute value that torch gives,
    must be at most ``TOLERANCE``. A network that magnifies rounding errors
    cannot keep to this; there, ten times the difference between torch's own
    float32 and float64 is allowed, up to ``LARGEST_TOLERANCE``.

    Args:
        student (Student): What to write.
        path (Path): The file.

    Returns:
        str: What the file takes and gives, and how near to torch.

    Raises:
        ImportError: As :func:`check_onnx_is_installed` says.
        ValueError: If the size of the images is not known, the student's
            predictions are made of something else, the network cannot be
            traced, or the file gives other values.
    """
    check_onnx_is_installed()
    shape = image_shape(student)
    generator = torch.Generator().manual_seed(0)
    batches = [
        torch.randn(n, *shape, generator=generator)
        for n in (TRACED_BATCH, *OTHER_BATCHES)
    ]
    output = output_of(student.model.eval(), batches[0])
    _trace(output, batches[0], path)
    largest = max(_difference(output, path, images) for images in batches)
    size = ', '.join(map(str, shape))
    rounding = '' if largest <= TOLERANCE else (
        ' (the network magnifies rounding errors)')
    return (
        f'images (n, {size}), normalized ({normalization(student)}) -> '
        f'{output.name}, {output.meaning}; within {largest:.1e} of torch'
        f'{rounding}, relative to the largest value, on batches of '
        f'{", ".join(str(len(images)) for images in batches)} random images.')


def _trace(output: Output, images: Tensor, path: Path) -> None:
    # torch 2.5 brought a second exporter, which needs a further package, and
    # a later one made it the default.
    choice = {}
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        choice['dynamo'] = False
    axes = {name: {0: 'batch'} for name in ('images', output.name)}
    try:
        with warnings.catch_warnings(), torch.no_grad(), \
                windows_of_any_batch():
            warnings.simplefilter('ignore')  # of the tracer, about shapes
            torch.onnx.export(
                output.network, (images, ),
                str(path),
                input_names=['images'],
                output_names=[output.name],
                dynamic_axes=axes,
                **choice)
    except Exception as error:  # of the tracer, or of an operator
        raise ValueError(
            f'torch cannot write this student as ONNX: '
            f'{type(error).__name__}: {error}') from error


def _difference(output: Output, path: Path, images: Tensor) -> float:
    """Between the file and torch, relative; raises if large."""
    import onnxruntime
    with torch.no_grad():
        expected = output.network(images).numpy()
    try:
        session = onnxruntime.InferenceSession(
            str(path), providers=['CPUExecutionProvider'])
        found, = session.run([output.name], dict(images=images.numpy()))
    except Exception as error:  # onnxruntime has its own kinds
        raise ValueError(
            f'The ONNX file fails on a batch of {len(images)}, traced on one '
            f'of {TRACED_BATCH}: {error}') from error
    if found.shape != expected.shape:
        raise ValueError(f'The ONNX file gives {output.name} of the shape '
                         f'{found.shape} for {expected.shape}.')
    difference = _relative(found, expected)
    if difference <= TOLERANCE:
        return difference
    rounding = _rounding(output.network, images, expected)
    if not difference <= min(10 * rounding, LARGEST_TOLERANCE):
        raise ValueError(
            f'On a batch of {len(images)} the ONNX file, traced on one of '
            f'{TRACED_BATCH}, is off by {difference:.1e} of the largest value '
            f'of the {output.name}, {np.abs(expected).max():.3g}. Allowed are '
            f'{TOLERANCE:.0e}, or ten times what torch rounds in float32, '
            f'here {rounding:.1e}, up to {LARGEST_TOLERANCE:.0e}.')
    return difference


def _rounding(network: nn.Module, images: Tensor,
              expected: np.ndarray) -> float:
    """How far torch's float32 is off its float64; 0 if it has no float64."""
    try:
        with torch.no_grad():
            exact = copy.deepcopy(network).double()(images.double())
    except RuntimeError:  # of an operator that wants float32
        return 0.
    return _relative(expected, exact.numpy())


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest that is expected."""
    difference = np.abs(found - expected).max()
    return float(difference and difference / np.abs(expected).max())
