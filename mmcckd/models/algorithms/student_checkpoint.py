"""Load the weights of a checkpoint completely, or raise an error."""
from collections import OrderedDict
from typing import Callable, Collection, Dict, List, Optional, Tuple

from mmengine.logging import print_log
from mmengine.runner.checkpoint import get_state_dict
from torch import Tensor, nn

from .teacher_checkpoint import STUDENT, load_and_compare

Weights = Dict[str, Tensor]


def fit_state_dict(model: nn.Module, state_dict: Weights,
                   filename: str) -> Weights:
    """Rename the weights of a checkpoint for a model, and load them strictly.

    MMEngine loads the weights that fit and goes on, so a wrong checkpoint
    gives a network with random weights. Here, each tensor of the classifier or
    student must be in the checkpoint. The student of a distillation may be
    loaded from a run without a teacher, or from the output of
    ``tools/export_student.py``. A plain classifier may be loaded from the
    checkpoint of a distillation, which contains it as the student.

    Args:
        model (nn.Module): A classifier, or an algorithm of MMRazor's. The
            weights are loaded into it.
        state_dict (Dict[str, Tensor]): The weights of the checkpoint.
        filename (str): Path of the checkpoint, for messages.

    Returns:
        Dict[str, Tensor]: The weights with the names of the model, or
        ``state_dict`` itself if no change was necessary.

    Raises:
        ValueError: If the weights do not fit. The message lists missing keys,
            unexpected keys and tensors of other shapes.
    """
    renamed, kept = match_names(model, state_dict)
    wrong = load_and_compare(model, renamed)
    if wrong:
        raise ValueError(
            f'The checkpoint {filename} does not fit the model '
            f'({type(model).__name__}):\n' + '\n'.join(wrong) + '\n' +
            _advice(model, state_dict))
    if renamed is not state_dict:
        print_log(
            f'The student was loaded from {filename}.' +
            (f' Parts that are not in the checkpoint, or do not fit, are left '
             f'unchanged: {", ".join(kept)}.' if kept else ''),
            logger='current')
    return renamed


def match_names(model: nn.Module,
                state_dict: Weights) -> Tuple[Weights, List[str]]:
    """Rename the weights of a checkpoint to the names of the model.

    The parts of an algorithm other than the student (the distiller, which has
    the projection, and in MMRazor's algorithms the teacher) are taken from the
    checkpoint if their names and shapes agree, otherwise from the model.

    Returns:
        Tuple[Dict[str, Tensor], List[str]]: The weights, and the names of the
        parts that were taken from the model.
    """
    own = get_state_dict(model)  # names without the wrappers of parts
    if not _has_student(own):
        if _has_student(state_dict):
            state_dict = _rename(state_dict, _without_prefix)
        return state_dict, []

    if not _has_student(state_dict):
        state_dict = _rename(state_dict, lambda name: STUDENT + name)
    kept = []
    for part in sorted({name.split('.')[0] for name in (*own, *state_dict)}):
        mine, given = (_part(weights, part) for weights in (own, state_dict))
        if f'{part}.' == STUDENT or _shapes(mine) == _shapes(given):
            continue
        state_dict = _without(state_dict, given)
        state_dict.update(mine)
        if mine:
            kept.append(part)
    return state_dict, kept


def _has_student(state_dict: Weights) -> bool:
    return any(name.startswith(STUDENT) for name in state_dict)


def _rename(state_dict: Weights,
            rename: Callable[[str], Optional[str]]) -> Weights:
    """Rename weights. Those that are renamed to None are removed."""

    def renamed(items):
        named = ((rename(name), value) for name, value in items)
        return OrderedDict(
            (name, value) for name, value in named if name is not None)

    result = renamed(state_dict.items())
    # torch stores the versions of modules in _metadata, with the names of the
    # modules as keys.
    versions = renamed((f'{name}.' if name else '', version) for name, version
                       in getattr(state_dict, '_metadata', {}).items())
    result._metadata = OrderedDict(
        (name.rstrip('.'), version) for name, version in versions.items())
    return result


def _without(state_dict: Weights, names: Collection[str]) -> Weights:
    return _rename(state_dict, lambda name: None if name in names else name)


def _without_prefix(name: str) -> Optional[str]:
    return name[len(STUDENT):] if name.startswith(STUDENT) else None


def _part(state_dict: Weights, part: str) -> Weights:
    return {
        name: tensor
        for name, tensor in state_dict.items() if name.split('.')[0] == part
    }


def _shapes(state_dict: Weights) -> dict:
    return {name: tensor.shape for name, tensor in state_dict.items()}


def _advice(model: nn.Module, state_dict: Weights) -> str:
    """Explain what the checkpoint seems to contain, and what to do."""
    teacher = getattr(model, 'teacher', None)
    if teacher is not None and not load_and_compare(teacher, state_dict):
        return ('It is the checkpoint of the teacher, since it fits the '
                'teacher exactly. Give it as model.teacher_ckpt, and a '
                'checkpoint of the student here.')
    if _has_student(model.state_dict()):
        wanted = ('a checkpoint of this distillation, or of its student '
                  'alone (model.architecture)')
    elif _has_student(state_dict):
        wanted = ('the config of its student, since the checkpoint is that '
                  'of a distillation')
    else:
        wanted = 'the config that it was trained with'
    return (f'Give {wanted}. To load only a part of a checkpoint, set '
            'init_cfg in the config of that part, such as '
            "backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=…, "
            "prefix='backbone')).")
