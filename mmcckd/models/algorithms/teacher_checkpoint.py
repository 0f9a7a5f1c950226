"""Load the weights of a teacher, which must fit exactly."""
from collections import OrderedDict
from typing import Dict, List, Sequence

from mmengine.logging import print_log
from mmengine.runner.checkpoint import get_state_dict
from torch import nn

from mmcckd.files.checkpoints import read_checkpoint, weights_of

# Maximum number of names in a message, for each kind of mismatch.
MAX_LISTED = 20
# Prefix of the student in MMRazor's algorithms.
STUDENT = 'architecture.'


class WeightMismatch(ValueError):
    """Weights that do not fit a network.

    Args:
        message (str): Which weights do not fit which network.
        wrong (List[str]): The lines of :func:`describe_mismatch`.
    """

    def __init__(self, message: str, wrong: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.wrong = list(wrong)


def load_teacher_checkpoint(teacher: nn.Module, filename: str) -> None:
    """Load a checkpoint that fits the teacher exactly.

    Args:
        teacher (nn.Module): The model whose weights are replaced.
        filename (str): Path or URL, see :func:`.read_checkpoint`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a checkpoint, would run code, or does not fit.
            The message lists missing and unexpected keys, and keys of other
            shapes.
    """
    filename = str(filename)
    try:
        content = read_checkpoint(filename)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'No teacher checkpoint at {filename}; set model.teacher_ckpt to '
            'an existing file or a URL; train the teacher first if need be.'
        ) from error
    state_dict = weights_of(content, f'The checkpoint {filename}')
    wrong = load_and_compare(teacher, state_dict)
    if wrong:
        if any(name.startswith(STUDENT) for name in state_dict):
            raise ValueError(
                f'The teacher checkpoint {filename} is of a distillation. '
                'Give that of the teacher alone. To use the student in it as '
                'the teacher, give the file that this command writes: python '
                f'tools/export_student.py {filename} teacher.pth')
        raise ValueError(
            f'The teacher checkpoint {filename} does not fit the teacher, a '
            f'{type(teacher).__name__}:\n' + '\n'.join(wrong) +
            '\nGive a checkpoint of this model, or change '
            'model.teacher to the model of the checkpoint.')
    teacher._is_init = True  # MMEngine's flag: do not initialize it again
    print_log(
        f'Teacher loaded from {filename}: all {len(state_dict)} tensors fit.',
        logger='current')


def load_and_compare(model: nn.Module, state_dict: dict) -> List[str]:
    """Load the weights that fit, and list those that do not.

    Names are those that MMEngine saves, without the prefixes of wrappers such
    as DDP around parts of the model.

    Returns:
        List[str]: A line for each kind of mismatch; empty if all weights fit.
    """
    own = get_state_dict(model)
    wrapped = dict(zip(own, model.state_dict()))
    shapes = [
        f'{name} {tuple(tensor.shape)} for {tuple(own[name].shape)}'
        for name, tensor in state_dict.items()
        if name in own and tensor.shape != own[name].shape
    ]
    try:
        result = model.load_state_dict(
            _renamed(state_dict, wrapped), strict=False)
    except WeightMismatch as mismatch:  # raised by StrictLoading
        return mismatch.wrong
    except RuntimeError:  # if a shape differs
        if not shapes:
            raise
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
    else:
        # Some modules resize weights, such as position embeddings, and remove
        # buffers that they compute. torch reports these as missing.
        plain = {wrapped[name]: name for name in wrapped}
        missing = [
            plain.get(name, name) for name in result.missing_keys
            if plain.get(name, name) not in state_dict
        ]
        unexpected, shapes = result.unexpected_keys, []
    return describe_mismatch(missing, unexpected, shapes)


def _renamed(state_dict: dict, names: Dict[str, str]) -> dict:
    """Rename weights; returns the same dict if no name changes."""
    if all(names.get(name, name) == name for name in state_dict):
        return state_dict
    return OrderedDict((names.get(name, name), tensor)
                       for name, tensor in state_dict.items())


def describe_mismatch(missing: Sequence[str], unexpected: Sequence[str],
                      shapes: Sequence[str]) -> List[str]:
    """Write a line for each kind of mismatch.

    ``num_batches_tracked`` may be missing: no network computes with it, torch
    did not save it before 0.4.1, and MMEngine does not require it either.
    """
    missing = [
        name for name in missing if not name.endswith('num_batches_tracked')
    ]
    kinds = (('missing', missing), ('unexpected', unexpected),
             ('other shape', shapes))
    return [
        f'  {kind} ({len(names)}): ' + ', '.join(names[:MAX_LISTED]) +
        (', …' if len(names) > MAX_LISTED else '') for kind, names in kinds
        if names
    ]
