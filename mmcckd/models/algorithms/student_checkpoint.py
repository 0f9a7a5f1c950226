"""Fit the weights of a checkpoint to a model completely, or not at all."""
from collections import OrderedDict
from typing import Callable, Collection, Dict, List, Optional, Tuple

from mmengine.logging import print_log
from mmengine.runner.checkpoint import get_state_dict
from torch import Tensor, nn

from .teacher_checkpoint import STUDENT, misfits

Weights = Dict[str, Tensor]


def fit_state_dict(model: nn.Module, state_dict: Weights,
                   filename: str) -> Weights:
    """Name a checkpoint's weights as the model does, and check that they fit.

    MMEngine loads what fits and goes on, so a wrong checkpoint gives a network
    with random weights. Here every tensor of the network comes from the
    checkpoint, or there is an error. The student of a distillation may come
    from a run without a teacher, or from ``tools/export_student.py``; and a
    plain classifier takes the student out of a distillation's checkpoint.

    Args:
        model (nn.Module): A classifier, or an algorithm of MMRazor's. It holds
            the weights afterwards.
        state_dict (Dict[str, Tensor]): The weights.
        filename (str): Of the checkpoint, for messages.

    Returns:
        Dict[str, Tensor]: The weights by the names of the model; the argument
        itself where nothing had to be changed.

    Raises:
        ValueError: If they do not fit; the message lists missing and
            unexpected keys and other shapes.
    """
    arranged, kept = arrange(model, state_dict)
    wrong = misfits(model, arranged)
    if wrong:
        raise ValueError(
            f'The checkpoint {filename} does not fit the model '
            f'({type(model).__name__}):\n' + '\n'.join(wrong) + '\n' +
            _advice(model, state_dict))
    if arranged is not state_dict:
        print_log(
            f'The student has the weights of {filename}.' +
            (f' Other parts of the model are not in it, or not in this form, '
             f'and stay as they are: {", ".join(kept)}.' if kept else ''),
            logger='current')
    return arranged


def arrange(model: nn.Module,
            state_dict: Weights) -> Tuple[Weights, List[str]]:
    """The weights by the names of the model, as far as it is clear.

    The other parts of an algorithm than the student (the distiller, which has
    the projection, and the teacher in MMRazor's own) are taken as they are in
    the checkpoint or, if they differ in a name or shape, as in the model.

    Returns:
        Tuple[Dict[str, Tensor], List[str]]: The weights; and the parts that
        were taken from the model.
    """
    own = get_state_dict(model)  # without wrappers of its parts
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
    """With other names; without what is renamed to None."""

    def renamed(items):
        named = ((rename(name), value) for name, value in items)
        return OrderedDict(
            (name, value) for name, value in named if name is not None)

    result = renamed(state_dict.items())
    # torch keeps the versions of modules there, by names without the dot.
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
    """What the checkpoint may be, and what to do."""
    teacher = getattr(model, 'teacher', None)
    if teacher is not None and not misfits(teacher, state_dict):
        return ("It is the teacher's checkpoint, which fits the teacher "
                "exactly, and belongs at model.teacher_ckpt. Give the "
                "student's.")
    if _has_student(model.state_dict()):
        wanted = ('a checkpoint of this distillation, or of its student, the '
                  'model at model.architecture, alone')
    elif _has_student(state_dict):
        wanted = ('the config of its student, since it is the checkpoint of a '
                  'distillation')
    else:
        wanted = 'the config that it was trained with'
    return (f'Give {wanted}. To start from a part of a checkpoint, say so in '
            'the config of that part, as backbone=dict(init_cfg=dict('
            "type='Pretrained', checkpoint=…, prefix='backbone')).")
