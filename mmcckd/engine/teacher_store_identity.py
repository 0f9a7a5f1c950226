"""What decides the content of a teacher store, as JSON values.

Each function describes one part; two stores have the same rows if all parts
are equal.
"""
import hashlib
import re
from functools import partial
from itertools import count
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmcckd.datasets.fingerprint import fingerprint_dataset
from mmcckd.datasets.wrappers import all_datasets, gather, is_wrapper
from mmcckd.models.algorithms.teacher_images import ConvertImages
from mmcckd.models.preprocessing import describe, is_known

ADDRESS = re.compile(r' at 0x[0-9a-f]+')
DIGITS = 16  # of a hash


def teacher_identity(teacher: nn.Module,
                     dtype: Optional[str] = None) -> Dict[str, str]:
    """Describe a teacher that is not prepared for inference.

    Args:
        teacher (nn.Module): The teacher. Its data preprocessor has no
            influence.
        dtype (str, optional): ``teacher_dtype``. Defaults to None: the dtype
            of its weights.

    Returns:
        Dict[str, str]: Its type, and hashes of its modules and weights; its
        precision.
    """
    modules, weights = hashlib.sha256(), hashlib.sha256()
    for name, module in teacher.named_modules():
        if name.split('.')[0] != 'data_preprocessor':
            text = (f'{name} {type(module).__name__}({module.extra_repr()}) '
                    f'{_settings(module)}\n')
            modules.update(text.encode())
    for name, tensor in teacher.state_dict().items():
        if name.split('.')[0] == 'data_preprocessor':
            continue
        weights.update(f'{name} {tensor.dtype} {list(tensor.shape)}'.encode())
        flat = tensor.detach().cpu().contiguous().view(-1)
        weights.update(flat.view(torch.uint8).numpy().data)
    return dict(
        type=type(teacher).__name__,
        modules=modules.hexdigest()[:DIGITS],
        weights=weights.hexdigest()[:DIGITS],
        precision=dtype or str(
            next(teacher.parameters()).dtype).replace('torch.', ''))


def _settings(module: nn.Module) -> List[Tuple[str, Any]]:
    """Numbers and texts among the attributes of a module, such as the
    ``out_type`` of a vision transformer, which its text leaves out."""
    return sorted(
        (name, value) for name, value in vars(module).items()
        if _is_plain(value) and not name.startswith('_')
        # The teacher is always in eval mode, and has its weights.
        and name not in ('training', 'init_cfg'))


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str))


def images_identity(teacher: nn.Module, preprocessor: nn.Module,
                    shape: Sequence[int]) -> Dict[str, Any]:
    """Describe the images that the teacher gets.

    Args:
        teacher (nn.Module): The teacher, which may convert its images.
        preprocessor (nn.Module): The data preprocessor of the run.
        shape (Sequence[int]): Shape of an image, (c, h, w).

    Returns:
        Dict[str, Any]: Their shape, their preprocessing, and their conversion
        for the teacher.
    """
    hooks = teacher._forward_pre_hooks.values()
    preprocessing = describe(preprocessor)
    if not is_known(preprocessor):
        preprocessing += f'; {_text(preprocessor)}'
    return dict(
        shape=list(shape),
        preprocessing=preprocessing,
        conversion=[str(hook) for hook in hooks
                    if isinstance(hook, ConvertImages)])


def dataset_identity(dataset: Dataset) -> Dict[str, Any]:
    """Describe the samples of a data set, and how they are augmented.

    Args:
        dataset (Dataset): A data set, or a wrapper.

    Returns:
        Dict[str, Any]: A hash of the samples in their order, and the pipelines
        of the data sets, each a list of transforms. If they differ, also a
        hash of which sample has which.

    Raises:
        TypeError: If the data set does not give its images.
    """
    identity: Dict[str, Any] = dict(
        samples=fingerprint_dataset(dataset)['order'][:DIGITS],
        # A wrapper may have one too, such as MMDetection's for Mosaic.
        pipelines=[
            _transforms(part) for part in all_datasets(dataset)
            if not is_wrapper(part) or hasattr(part, 'pipeline')
        ])
    if any(one != identity['pipelines'][0] for one in identity['pipelines']):
        numbers = count()
        owners = gather(
            dataset, lambda base, _: np.full(len(base), next(numbers)))
        identity['pipeline_of'] = hashlib.sha256(
            owners.astype(np.int64)).hexdigest()[:DIGITS]
    return identity


def _transforms(dataset: Dataset) -> List[str]:
    pipeline = getattr(dataset, 'pipeline', None)
    transforms = getattr(pipeline, 'transforms', [pipeline])
    return [_text(transform) for transform in transforms]


def _text(value: Any, owners: tuple = ()) -> str:
    """A text for a transform with all its settings, the same in each process.

    A transform's own text may leave out settings, or have none.
    """
    if any(value is owner for owner in owners):  # its settings are being read
        return type(value).__name__
    text = partial(_text, owners=(*owners, value))
    if hasattr(value, '__qualname__'):  # a function or class
        return f'{value.__module__}.{value.__qualname__}'
    if isinstance(value, (list, tuple)):
        return f'[{", ".join(map(text, value))}]'
    if isinstance(value, (set, frozenset)):  # their order differs
        return f'{{{", ".join(sorted(map(text, value)))}}}'
    if isinstance(value, (np.ndarray, Tensor)):  # large ones are abbreviated
        array = value.cpu().numpy() if isinstance(value, Tensor) else value
        digest = hashlib.sha256(array.tobytes()).hexdigest()[:DIGITS]
        return f'{array.dtype} {array.shape} {digest}'
    if isinstance(value, partial):
        return f'partial({text([value.func, value.args, value.keywords])})'
    if isinstance(value, dict):
        settings = value
    elif hasattr(value, '__dict__') and (callable(value)
                                         or ADDRESS.search(repr(value))):
        settings = vars(value)
    else:
        return ADDRESS.sub('', repr(value))
    own = vars(nn.Module()) if isinstance(value, nn.Module) else ()
    parts = ', '.join(f'{name}={text(part)}'
                      for name, part in settings.items() if name not in own)
    return f'{type(value).__name__}({parts})'
