"""Check a distiller's recorders against the two networks."""
from importlib import import_module
from typing import Dict, Optional, Set

from mmengine.config import ConfigDict
from mmrazor.models.task_modules import RecorderManager
from torch import nn

from mmcckd.config_files.component_types import recorder_type

from ..find_module import find_module

# How many names at the end of a source belong to a function or method. The
# names before are a Python module.
NAMES = dict(FunctionOutputs=1, FunctionInputs=1, MethodOutputs=2,
             MethodInputs=2)


def check_recorders(recorders: Dict[str, dict],
                    owner: str,
                    model: Optional[nn.Module] = None) -> None:
    """Check that the sources of recorders exist.

    Args:
        recorders (Dict[str, dict]): Configs of the recorders.
        owner (str): "student" or "teacher", for messages.
        model (nn.Module, optional): The network that is recorded. Defaults to
            None, which means that only functions and methods are checked.

    Raises:
        ValueError: If a module, parameter, function or method does not exist.
    """
    for name, recorder in recorders.items():
        kind, source = recorder.get('type'), recorder.get('source')
        if not isinstance(kind, (str, type)) or not isinstance(source, str):
            raise ValueError(
                f"{owner}_recorders.{name} must be dict(type='ModuleOutputs', "
                "source='neck') or similar, but is "
                f'{ConfigDict(recorder).to_dict()}.')
        try:
            _find(recorder_type(recorder), source, owner, model)
        except ValueError as error:
            raise ValueError(
                f'{owner}_recorders.{name} cannot record: {error}') from None


def _find(kind: str, source: str, owner: str,
          model: Optional[nn.Module]) -> None:
    if kind in ('ModuleOutputs', 'ModuleInputs'):
        if model is not None and source:  # "" is the network itself
            find_module(model, source, owner)
    elif kind == 'Parameter':
        if model is not None and source not in dict(model.named_parameters()):
            raise ValueError(
                f'The {owner}, a {type(model).__name__}, has no parameter '
                f'{source!r}. Give the name of a module and of its '
                'parameter, such as head.fc.weight.')
    elif kind in NAMES:
        module, *names = source.rsplit('.', NAMES[kind])
        try:
            found = import_module(module)
            for name in names:
                found = getattr(found, name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(
                f'{source!r} cannot be imported: {error}. A {kind} needs the '
                'full path, such as package.module.' +
                ('Class.method.' if len(names) > 1 else
                 'function, with the module in which it is used.')) from None


def check_widths(distiller: dict, student: nn.Module,
                 teacher: nn.Module) -> None:
    """Check that losses compare outputs of linear layers of the same width.

    Args:
        distiller (dict): Config of a ``ConfigurableDistiller``, which has been
            built before.
        student (nn.Module): The student.
        teacher (nn.Module): The teacher.

    Raises:
        ValueError: If a loss compares the outputs of two linear layers of
            different widths without a connector, such as the logits of
            networks with different numbers of classes.
    """
    models = dict(student=student, teacher=teacher)
    mappings = distiller.get('loss_forward_mappings') or {}
    for loss, mapping in mappings.items():
        widths = {}
        for record in mapping.values():
            owner = 'student' if record['from_student'] else 'teacher'
            recorders = distiller.get(f'{owner}_recorders')
            width = _width(record, recorders, models[owner])
            if width is not None:
                widths[owner] = width
        if len(set(widths.values())) > 1:
            raise ValueError(
                f'{loss} compares {widths["student"]} outputs of the student '
                f'with {widths["teacher"]} of the teacher. If these are '
                'logits, it needs a teacher with the same classes: use '
                'another model.teacher, set num_classes of the head, or leave '
                f'{loss} out. Otherwise, add a connector, such as '
                "dict(type='TorchNNConnector', module_name='Linear', "
                'module_args=dict(in_features=…, out_features=…)).')


def recorded_modules(model: nn.Module,
                     recorders: RecorderManager) -> Set[nn.Module]:
    """Modules whose inputs, outputs or parameters are recorded.

    Args:
        model (nn.Module): The student or the teacher.
        recorders (RecorderManager): Its recorders.

    Returns:
        Set[nn.Module]: Modules of ``model``.
    """
    modules = dict(model.named_modules())
    sources = [recorder.source for recorder in recorders.recorders.values()]
    sources += [source.rpartition('.')[0] for source in sources]
    return {modules[source] for source in sources if source in modules}


def check_teacher_records(distiller: nn.Module) -> None:
    """Check that each record of a frozen teacher that a loss needs exists.

    Args:
        distiller (ConfigurableDistiller): The distiller, after the forward
            pass of the teacher.

    Raises:
        ValueError: If a recorder that a loss needs has recorded nothing,
            since its source is only used in the loss of the teacher.
    """
    recorders = distiller.teacher_recorders.recorders
    for loss_name, mapping in distiller.loss_forward_mappings.items():
        for record in mapping.values():
            if record['from_student']:
                continue
            recorder = recorders[record['recorder']]
            if not recorder.data_buffer:
                raise ValueError(
                    f'{loss_name} needs the teacher\'s recorder '
                    f'{record["recorder"]!r}, but its source '
                    f'{recorder.source!r} was not called: a frozen teacher '
                    'computes no loss. Record a module of the network, or '
                    'use mmrazor.SingleTeacherDistill.')


def _width(record: dict, recorders: Dict[str, dict],
           model: nn.Module) -> Optional[int]:
    """Width of the linear layer that is recorded, if there is no connector."""
    recorder = recorders[record['recorder']]
    if record.get('connector') or recorder_type(recorder) != 'ModuleOutputs':
        return None
    return getattr(
        dict(model.named_modules())[recorder['source']], 'out_features', None)
