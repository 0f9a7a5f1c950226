"""Check ``loss_forward_mappings`` against the rest of a distiller's config.

MMRazor finds most mistakes only at the first batch, with an error of Python or
a bare assert, and some not at all: a loss without a mapping is never computed.
"""
import inspect
import logging
from typing import Dict, Iterable, Sequence

from mmengine.logging import print_log
from mmrazor.registry import MODELS

# Names of the arguments that MMRazor's losses compare.
PAIRS = (('preds_S', 'preds_T'), ('s_feature', 't_feature'))
NEEDED = ('recorder', 'from_student')


def check_mappings(distiller: dict, keys: Sequence[str]) -> None:
    """Check that each loss gets its arguments, from existing recorders.

    There is only a warning about a loss without a mapping, or with student
    and teacher swapped, since some recipes do this on purpose.

    Args:
        distiller (dict): Config of a ``ConfigurableDistiller``.
        keys (Sequence[str]): The allowed keys in an entry of a mapping, which
            are the arguments of the distiller's ``get_record``.

    Raises:
        TypeError: If a mapping, or an entry of it, is not a dict.
        ValueError: If there is a mapping without a loss, or no mapping at
            all, an entry has an unknown recorder, connector or key, a loss
            lacks an argument or gets an unknown one, or a loss compares a
            record with itself.
    """
    losses = distiller.get('distill_losses') or {}
    mappings = distiller.get('loss_forward_mappings') or {}
    if not isinstance(mappings, dict):
        raise TypeError(
            'loss_forward_mappings must be a dict with a dict for each loss, '
            f'but is {mappings!r}.')
    unknown = [name for name in mappings if name not in losses]
    if unknown:
        raise ValueError(
            f'loss_forward_mappings has {", ".join(unknown)}, but '
            f'distill_losses has {_names(losses)}. Use the same names in '
            'both.')
    unused = [name for name in losses if name not in mappings]
    if unused and not mappings:
        raise ValueError(
            f'distill_losses has {", ".join(unused)}, but there are no '
            'loss_forward_mappings, so nothing would be distilled. Map the '
            'arguments of each loss to recorders.')
    if unused:
        warn(f'distill_losses has {", ".join(unused)}, which has no entry in '
             'loss_forward_mappings, so it is never computed. Map its '
             'arguments to recorders, or leave it out.')
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
            f'{where} {" and ".join(found)}. The allowed keys are '
            f'{", ".join(keys)}. {" and ".join(NEEDED)} are required.')
    if not isinstance(record['from_student'], bool):
        raise TypeError(f'{where}.from_student must be True or False, but is '
                        f'{record["from_student"]!r}.')


def _check_record(where: str, record: dict, distiller: dict) -> None:
    side, other = ('student', 'teacher')[::1 if record['from_student'] else -1]
    recorders = distiller.get(f'{side}_recorders') or {}
    name = record['recorder']
    if name not in recorders:
        hint = (f' {other}_recorders has one with this name.' if name in
                (distiller.get(f'{other}_recorders') or {}) else '')
        raise ValueError(
            f'{where} needs the recorder {name!r}, but {side}_recorders has '
            f'{_names(recorders)}.{hint} Add the recorder to '
            f'{side}_recorders, or use another one.')
    connectors = distiller.get('connectors') or {}
    connector = record.get('connector')
    if connector and connector not in connectors:
        raise ValueError(
            f'{where} needs the connector {connector!r}, but connectors has '
            f'{_names(connectors)}. Add the connector, or use another one.')


def _check_arguments(name: str, loss: dict, mapping: dict) -> None:
    kind = loss['type'] if isinstance(loss, dict) else loss
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    if not hasattr(kind, 'forward'):
        return  # MMRazor raises an error that there is no such loss
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
            f'{name}, a {kind.__name__}, has the arguments '
            f'{", ".join(parameters)}, but loss_forward_mappings.{name} has '
            f'{_names(mapping)}.' +
            (f' Add {", ".join(lacking)}.' if lacking else '') +
            (f' Remove {", ".join(unknown)}.' if unknown else ''))


def _check_sides(name: str, mapping: Dict[str, dict]) -> None:
    """Find losses that would always be zero or have no gradient."""
    for of_student, of_teacher in PAIRS:
        if not {of_student, of_teacher} <= set(mapping):
            continue
        student, teacher = mapping[of_student], mapping[of_teacher]
        if dict(student) == dict(teacher):
            raise ValueError(
                f'{name} gets the same record for {of_student} and '
                f'{of_teacher}, {dict(student)}, and would compare it with '
                'itself. Set from_student=True for one of them, and '
                'from_student=False for the other.')
        if teacher['from_student'] and not student['from_student']:
            warn(f'{name} gets {of_student} from the teacher and {of_teacher} '
                 'from the student. Most losses have no gradient for '
                 f'{of_teacher}, so the student would not be trained with '
                 'this loss. If this is not intended, swap from_student of '
                 'the two.')


def _names(names: Iterable[str]) -> str:
    return ', '.join(names) or 'none'


def warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
