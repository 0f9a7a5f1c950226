"""What a distiller's config says, held against the two networks.

MMRazor finds out at the first batch, or by a bare assert.
"""
from typing import Dict, Optional

from torch import nn

from ..modules import find_module


def check_wiring(distiller: dict, student: nn.Module,
                 teacher: nn.Module) -> None:
    """Raise unless what is recorded exists and can be compared.

    Args:
        distiller (dict): Config of a ``ConfigurableDistiller``.
        student (nn.Module): The student.
        teacher (nn.Module): The teacher.

    Raises:
        ValueError: If a recorder listens to a module that is not there; the
            message lists near names. If a loss compares the outputs of two
            linear layers as they are, and these differ in width, such as the
            logits of two networks for different numbers of classes.
    """
    models = dict(student=student, teacher=teacher)
    for owner, model in models.items():
        for name, recorder in _recorders(distiller, owner).items():
            if recorder['type'] in ('ModuleOutputs', 'ModuleInputs'):
                if recorder['source'] == '':  # the network itself
                    continue
                try:
                    find_module(model, recorder['source'], owner)
                except ValueError as error:
                    raise ValueError(
                        f'{owner}_recorders.{name} cannot listen: {error}'
                    ) from None

    mappings = distiller.get('loss_forward_mappings') or {}
    for loss, mapping in mappings.items():
        widths = {}
        for record in mapping.values():
            owner = 'student' if record['from_student'] else 'teacher'
            width = _width(record, _recorders(distiller, owner),
                           models[owner])
            if width is not None:
                widths[owner] = width
        if len(set(widths.values())) > 1:
            raise ValueError(
                f'{loss} compares {widths["student"]} outputs of the student '
                f'with {widths["teacher"]} of the teacher. If these are '
                'classes, it needs a teacher of the same classes: give '
                'another model.teacher, set num_classes of the head, or leave '
                f'{loss} out. Otherwise put a connector before it.')


def _recorders(distiller: dict, owner: str) -> Dict[str, dict]:
    return distiller.get(f'{owner}_recorders') or {}


def _width(record: dict, recorders: Dict[str, dict],
           model: nn.Module) -> Optional[int]:
    """Of the linear layer whose output a loss takes as it is, if it does."""
    recorder = recorders.get(record['recorder'], {})
    if record.get('connector') or recorder.get('type') != 'ModuleOutputs':
        return None
    return getattr(
        dict(model.named_modules())[recorder['source']], 'out_features', None)
