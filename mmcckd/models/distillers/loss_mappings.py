"""What a distiller's ``loss_forward_mappings`` say, held against the rest.

MMRazor finds most mistakes at the first batch, by an error of Python's or a
bare assert, and some not at all: a loss without a mapping is never computed.
"""
import inspect
import logging
from typing import Dict, Iterable, Sequence

from mmengine.logging import print_log
from mmrazor.registry import MODELS

# What MMRazor's losses call what they compare.
PAIRS = (('preds_S', 'preds_T'), ('s_feature', 't_feature'))
NEEDED = ('recorder', 'from_student')


def check_mappings(distiller: dict, keys: Sequence[str]) -> None:
    """Raise unless each loss gets what it takes, from what is recorded.

    A loss without a mapping, and one with student and teacher swapped, are
    warned of, since some recipes mean it.

    Args:
        distiller (dict): Config of a ``ConfigurableDistiller``.
        keys (Sequence[str]): What an entry of a mapping may have, the
            arguments of the distiller's ``get_record``.

    Raises:
        TypeError: If a mapping, or an entry of it, is not a dict.
        ValueError: If a mapping has no loss or no loss a mapping, an entry
            names a recorder, a connector or a key that is not there, a loss
            lacks an argument or gets one that it does not take, or compares a
            record with itself.
    """
    losses = distiller.get('distill_losses') or {}
    mappings = distiller.get('loss_forward_mappings') or {}
    if not isinstance(mappings, dict):
        raise TypeError(
            'loss_forward_mappings must be a dict, of a dict for each loss, '
            f'but is {mappings!r}.')
    unknown = [name for name in mappings if name not in losses]
    if unknown:
        raise ValueError(
            f'loss_forward_mappings has {", ".join(unknown)}, but '
            f'distill_losses only {_names(losses)}. Give both the same names.')
    unused = [name for name in losses if name not in mappings]
    if unused and not mappings:
        raise ValueError(
            f'distill_losses has {", ".join(unused)}, but there are no '
            'loss_forward_mappings, so nothing would be distilled. Map the '
            'arguments of each loss to what is recorded.')
    if unused:
        warn(f'distill_losses has {", ".join(unused)}, which has no entry in '
             'loss_forward_mappings, so it is never computed. Map its '
             'arguments to what is recorded, or leave it out.')
    for name, mapping in mappings.items():
        if not isinstance(mapping, dict):
            raise TypeError(
                f'loss_forward_mappings.{name} must be a dict, such as '
                "dict(preds_S=dict(from_student=True, recorder='fc'), "
                f'preds_T=…), but is {mapping!r}.')
        for argument, record in mapping.items():
            where = f'loss_forward_mappings.{name}.{argument}'
            _check_keys(where, record, keys)
            _check_record(where, record, distiller)
        _check_arguments(name, losses[name], mapping)
        _check_sides(name, mapping)


def _check_keys(where: str, record: dict, keys: Sequence[str]) -> None:
    if not isinstance(record, dict):
        raise TypeError(
            f"{where} must be a dict, such as dict(from_student=True, "
            f"recorder='fc'), but is {record!r}.")
    unknown = [key for key in record if key not in keys]
    lacking = [key for key in NEEDED if key not in record]
    if unknown or lacking:
        found = [f'lacks {", ".join(lacking)}'] if lacking else []
        found += [f'has {", ".join(unknown)}'] if unknown else []
        raise ValueError(
            f'{where} {" and ".join(found)}. Its keys are {", ".join(keys)}, '
            f'of which it needs {" and ".join(NEEDED)}.')
    if not isinstance(record['from_student'], bool):
        raise TypeError(f'{where}.from_student must be True or False, but is '
                        f'{record["from_student"]!r}.')


def _check_record(where: str, record: dict, distiller: dict) -> None:
    side, other = ('student', 'teacher')[::1 if record['from_student'] else -1]
    recorders = distiller.get(f'{side}_recorders') or {}
    name = record['recorder']
    if name not in recorders:
        hint = (f' There is one of that name in {other}_recorders.' if name in
                (distiller.get(f'{other}_recorders') or {}) else '')
        raise ValueError(
            f'{where} is to come from the recorder {name!r}, but '
            f'{side}_recorders has {_names(recorders)}.{hint} Add the '
            f'recorder to {side}_recorders, or name another.')
    connectors = distiller.get('connectors') or {}
    connector = record.get('connector')
    if connector and connector not in connectors:
        raise ValueError(
            f'{where} is to pass through the connector {connector!r}, but '
            f'connectors has {_names(connectors)}. Add it there, or name '
            'another.')


def _check_arguments(name: str, loss: dict, mapping: dict) -> None:
    kind = loss['type'] if isinstance(loss, dict) else loss
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if not hasattr(kind, 'forward'):
        return  # MMRazor says that there is no such loss
    parameters = dict(inspect.signature(kind.forward).parameters)
    parameters.pop('self', None)
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    needed = [key for key, p in parameters.items()
              if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    unknown = [key for key in mapping if key not in parameters]
    lacking = [key for key in needed if key not in mapping]
    if unknown or lacking:
        raise ValueError(
            f'{name}, a {kind.__name__}, takes {", ".join(parameters)}, but '
            f'loss_forward_mappings.{name} has {_names(mapping)}' +
            (f'; {", ".join(lacking)} must be there' if lacking else '') +
            (f'; {", ".join(unknown)} must not' if unknown else '') + '.')


def _check_sides(name: str, mapping: Dict[str, dict]) -> None:
    """For what costs a loss its value or its gradient without an error."""
    for of_student, of_teacher in PAIRS:
        if not {of_student, of_teacher} <= set(mapping):
            continue
        student, teacher = mapping[of_student], mapping[of_teacher]
        if dict(student) == dict(teacher):
            raise ValueError(
                f'{name} gets one and the same record for {of_student} and '
                f'{of_teacher}, {dict(student)}, and would compare it with '
                'itself. Let one come from the student and one from the '
                'teacher, by from_student.')
        if teacher['from_student'] and not student['from_student']:
            warn(f'{name} gets {of_student} from the teacher and {of_teacher} '
                 'from the student. Most losses pass no gradient to '
                 f'{of_teacher}, so the student learns nothing by it; if that '
                 'is not meant, swap from_student of the two.')


def _names(names: Iterable[str]) -> str:
    return ', '.join(names) or 'none'


def warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
