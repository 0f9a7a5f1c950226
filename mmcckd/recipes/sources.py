"""Find the features that CC compares, and the recorders that record them."""
from typing import Dict, Optional, Union

from mmengine.config import Config
from torch import nn

from mmcckd.config_files.component_types import recorder_type
from mmcckd.models.find_module import find_module
from mmcckd.models.kinds import default_part, is_dense

from .recorded import classifier_recorder

Source = Union[str, dict]  # the output of a module, or config of a recorder
TYPES = ('ModuleOutputs', 'ModuleInputs')


def find_recorders(cfg: Config, networks: Dict[str, nn.Module],
                   source: Union[Source, Dict[str, Source], None]
                   ) -> Dict[str, dict]:
    """Return the config of a recorder for each network.

    Args:
        cfg (Config): The recipe.
        networks (Dict[str, nn.Module]): "student" and "teacher".
        source (str | dict, optional): See :func:`.mix_cc`.

    Returns:
        Dict[str, dict]: "student" and "teacher", each with ``type`` and
        ``source``.

    Raises:
        ValueError: If a network has no such module, or the source has the
            wrong form.
    """
    sides = source
    if source is None or isinstance(source, str) or (
            isinstance(source, dict) and 'source' in source):
        sides = dict(student=source, teacher=source)
    if not isinstance(sides, dict) or not set(sides) <= set(networks) or (
            not all(map(_is_source, sides.values()))):
        raise ValueError(
            'source must be the name of a module, dict(type=type, '
            f'source=name) with one of the types {" and ".join(TYPES)}, or '
            'dict(student=…, teacher=…) with one of these for each network, '
            f'but is {source!r}.')
    return {
        side: _find_recorder(cfg, networks[side], side, sides.get(side),
                             for_both=sides is not source)
        for side in networks
    }


def existing_recorder(distiller: dict, side: str,
                      recorder: dict) -> Optional[str]:
    """Return the name of a recorder of a recipe that records the same."""
    for name, other in (distiller.get(f'{side}_recorders') or {}).items():
        if (recorder_type(other) == recorder['type']
                and other['source'] == recorder['source']):
            return name
    return None


def _is_source(source) -> bool:
    if not isinstance(source, dict):
        return source is None or isinstance(source, str)
    return set(source) == {'type', 'source'} and (
        recorder_type(source) in TYPES and isinstance(source['source'], str))


def _find_recorder(cfg: Config, network: nn.Module, side: str,
                   source: Optional[Source], for_both: bool) -> dict:
    prefix, teachers = '', cfg.model.get('teachers') or {}
    if side == 'teacher' and len(teachers) == 1 and for_both:
        name = next(iter(teachers))
        network, prefix = network[name], f'{name}.'
    if source is None:
        recorder = _default_recorder(network)
    elif isinstance(source, str):
        recorder = dict(type='ModuleOutputs', source=source)
    else:
        recorder = dict(
            type=recorder_type(source), source=source['source'])
    try:
        find_module(network, recorder['source'], side)
    except ValueError as error:
        raise ValueError(
            f'source does not fit the {side}: {error} If the networks '
            'have different modules, set both with source.student=… '
            'source.teacher=… or source=dict(student=…, teacher=…).') from None
    return dict(recorder, source=prefix + recorder['source'])


def _default_recorder(network: nn.Module) -> dict:
    part = default_part(network)
    if is_dense(network) or part == 'neck':
        return dict(type='ModuleOutputs', source=part)
    if isinstance(network, nn.ModuleDict):  # several teachers
        return dict(type='ModuleOutputs', source='neck')
    return classifier_recorder(network, part)
