"""Export of a student as an ONNX file, which is compared with torch."""
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

# Relative to the largest absolute value of torch's output: the tolerance for
# all networks, and for those that magnify rounding errors of float32.
TOLERANCE = 1e-4
LARGEST_TOLERANCE = 1e-2
TRACED_BATCH = 2
OTHER_BATCHES = (1, 5)


def check_onnx_is_installed() -> None:
    """Raise an error if ONNX files cannot be written and run.

    Raises:
        ImportError: If a package is missing; the message says what to install.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'ONNX needs the packages onnx and onnxruntime ({error}); run: '
            'pip install onnx onnxruntime') from error


def export_onnx(student: Student, path: Path) -> str:
    """Write the network as ONNX, and compare the file with torch.

    The input is ``images``, (n, c, h, w), float32, for any n, normalized as by
    the data preprocessor. h and w are those of the config's test pipeline. The
    output is that of :func:`~mmcckd.export.onnx_output.output_of` in float32:
    ``logits``, (n, classes), or ``feature``, (n, d).

    Batches of several sizes are compared. The largest difference between the
    file and torch, divided by the largest absolute value that torch gives,
    must be at most ``TOLERANCE``. This is too strict for networks that
    magnify rounding errors; for these, ten times the difference between
    torch's own float32 and float64 is allowed, up to ``LARGEST_TOLERANCE``.

    Args:
        student (Student): The student to export.
        path (Path): The file to write.

    Returns:
        str: The input and output of the file, and its difference from torch.

    Raises:
        ImportError: If a package is missing.
        ValueError: If the size of the images is unknown, the predictions are
            not computed from logits or a feature, the network cannot be
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
    # torch 2.5 has a second exporter, which needs another package and became
    # the default later.
    choice = {}
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        choice['dynamo'] = False
    axes = {name: {0: 'batch'} for name in ('images', output.name)}
    try:
        with warnings.catch_warnings(), torch.no_grad(), \
                windows_of_any_batch():
            warnings.simplefilter('ignore')  # the tracer warns of shapes
            torch.onnx.export(
                output.network, (images, ),
                str(path),
                input_names=['images'],
                output_names=[output.name],
                dynamic_axes=axes,
                **choice)
    except Exception as error:  # by the tracer or an operator
        raise ValueError(
            f'torch cannot write this student as ONNX: '
            f'{type(error).__name__}: {error}') from error


def _difference(output: Output, path: Path, images: Tensor) -> float:
    """Relative difference between the file and torch; raises if large."""
    import onnxruntime
    with torch.no_grad():
        expected = output.network(images).numpy()
    try:
        session = onnxruntime.InferenceSession(
            str(path), providers=['CPUExecutionProvider'])
        found, = session.run([output.name], dict(images=images.numpy()))
    except Exception as error:  # onnxruntime has classes of its own
        raise ValueError(
            f'The ONNX file fails for a batch of {len(images)}, traced with a '
            f'batch of {TRACED_BATCH}: {error}') from error
    if found.shape != expected.shape:
        raise ValueError(f'The ONNX file outputs {output.name} of shape '
                         f'{found.shape} instead of {expected.shape}.')
    difference = _relative(found, expected)
    if difference <= TOLERANCE:
        return difference
    rounding = _rounding(output.network, images, expected)
    if not difference <= min(10 * rounding, LARGEST_TOLERANCE):
        raise ValueError(
            f'For a batch of {len(images)}, the ONNX file, traced with a '
            f'batch of {TRACED_BATCH}, differs from torch by {difference:.1e} '
            f'of the largest value of the {output.name}, '
            f'{np.abs(expected).max():.3g}. Allowed are {TOLERANCE:.0e}, or '
            "ten times the rounding errors of torch's float32, here "
            f'{rounding:.1e}, up to {LARGEST_TOLERANCE:.0e}.')
    return difference


def _rounding(network: nn.Module, images: Tensor,
              expected: np.ndarray) -> float:
    """Relative difference between float32 and float64 in torch.

    0 if the network does not run in float64.
    """
    try:
        with torch.no_grad():
            exact = copy.deepcopy(network).double()(images.double())
    except RuntimeError:  # by an operator that needs float32
        return 0.
    return _relative(expected, exact.numpy())


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference, relative to the largest expected value."""
    difference = np.abs(found - expected).max()
    return float(difference and difference / np.abs(expected).max())
