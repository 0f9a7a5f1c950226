"""Whether a config from a checkpoint can be used without trusting its author.

MMEngine imports a module that a config names as a type or as a scope, and
components may read, download or write the files that their arguments name.
The config of a run, which its user gives, may do so; one that is found in a
checkpoint must not.
"""
import re
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, Dict, Iterator, Set, Tuple

from mmengine.config import Config
from mmengine.registry import Registry

PACKAGES = ('mmengine', 'mmcv', 'mmpretrain', 'mmrazor', 'mmcckd', 'mmdet',
            'mmdet3d', 'mmseg')
SCOPES = (*PACKAGES, 'mmcls')
# Modules with components that download what an argument names, or read it as
# a pickle.
REFUSED_MODULES = (
    'mmpretrain.datasets.refcoco',
    'mmpretrain.models.classifiers.hugging_face',
    'mmpretrain.models.heads.vqa_head',
    'mmpretrain.models.multimodal',
    'mmpretrain.models.utils.huggingface',
)
# Types that are no components, by the ends of their keys: mmcv's functions,
# and modules for MMPretrain's LoRA.
OTHER_TYPES = {
    'nms.type': re.compile('nms|soft_nms|nms_match|nms_quadri'),
    'targets.type': re.compile(r'\w+'),
}
# Arguments of data sets and metrics that may name files of this machine.
FILES = ('ann_file', 'data_prefix', 'data_root', 'metainfo')
PICKLES = ('pkl', 'pickle', 'p', 'yml', 'yaml')
# Text that is no path, address or code, such as "regnetx_1.6gf"; for data
# sets, also such as "_labels.png".
PLAIN = re.compile(r'(?:[\w ,+*-]|(?<=\d)[./](?=\d))*')
PLAIN_OF_DATA = re.compile(r'[\w ,+*.-]*')
CFG_PATH = re.compile(rf'(?:{"|".join(PACKAGES)})::\w[\w./-]*\.py')


def check_cfg_path(path: str) -> None:
    """Raise an error if a ``cfg_path`` is not a config of a known package.

    Reading a config file runs it.

    Raises:
        ValueError: If it may be another file.
    """
    if not CFG_PATH.fullmatch(path) or '..' in path:
        raise ValueError(
            f'it has the cfg_path {path!r}; expected package::folder/file.py '
            f'with one of the packages {", ".join(PACKAGES)}.')


def check_stored_config(cfg: Config) -> None:
    """Raise an error if using the config of a student could import, run,
    download or write what somebody else has chosen.

    Args:
        cfg (Config): Of :func:`.student_config`.

    Raises:
        ValueError: If a type is not a registered component or its arguments
            may be a program, a scope is not one of OpenMMLab's packages, or
            an argument names a file or an address, except for files of the
            test set.
    """
    if cfg.get('default_scope') in PACKAGES:
        with suppress(ImportError):  # its types are unknown then
            import_module(f'{cfg.default_scope}.registry')
    modules = _registered_modules()
    for path, value in _entries('', cfg.to_dict()):
        name = path.rpartition('.')[2]
        if name == 'type':
            _check_type(path, value, modules)
        elif name in ('_scope_', 'default_scope'):
            if value not in SCOPES:
                raise ValueError(f'{path} is {value!r}, but scopes may be '
                                 f'{", ".join(SCOPES)}.')
        elif name in ('backend_args', 'file_client_args'):
            if value and value not in (dict(backend='local'),
                                       dict(backend='disk')):
                raise ValueError(f'{path} is {value!r}, but only local files '
                                 'are read.')
        elif name == 'prototype' and isinstance(value, str):
            raise ValueError(f'{path} names a file.')
        elif isinstance(value, str):
            _check_text(path, value)


def _entries(path: str, value: Any) -> Iterator[Tuple[str, Any]]:
    """Yield the keys and values of all entries, such as "model.type"."""
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _entries(f'{path}.{key}' if path else str(key), part)
    elif isinstance(value, (list, tuple)):
        for part in value:  # has the name of the list
            yield from _entries(path, part)


def _registered_modules() -> Dict[str, Set[str]]:
    """The modules of the components of each name, with and without scope."""
    modules: Dict[str, Set[str]] = {}
    for registry in _registries():
        with suppress(ImportError):  # mmdet3d's names a missing module
            registry.import_from_location()
        for name, component in registry.module_dict.items():
            for known in (name, f'{registry.scope}.{name}'):
                modules.setdefault(known, set()).add(component.__module__)
    return modules


def _registries() -> Iterator[Registry]:
    for package in PACKAGES:
        module = sys.modules.get(f'{package}.registry')
        for registry in vars(module).values() if module else ():
            if isinstance(registry, Registry):
                yield registry


def _check_type(path: str, value: Any, modules: Dict[str, Set[str]]) -> None:
    for end, allowed in OTHER_TYPES.items():
        if path.endswith(end) and allowed.fullmatch(str(value)):
            return
    if not isinstance(value, str) or value not in modules:
        raise ValueError(f'it has the type {value!r}, which is not in a '
                         'registry.')
    for module in modules[value]:
        if f'{module}.'.startswith(tuple(f'{m}.' for m in REFUSED_MODULES)):
            raise ValueError(f'it has the type {value!r}, which may download '
                             'or run other files.')


def _check_text(path: str, value: str) -> None:
    entry, *keys = path.split('.')
    pickled = value.rpartition('.')[2].lower() in PICKLES
    of_data = 'dataset' in keys or entry == 'test_pipeline'
    if (of_data or entry == 'test_evaluator') and (
            not set(FILES).isdisjoint(keys)):
        if pickled or '://' in value or '{{' in value:
            raise ValueError(f'{path} is {value!r}, but may only name a file '
                             'or folder on this machine that is no pickle.')
        return
    plain = PLAIN_OF_DATA if of_data else PLAIN
    if pickled or not plain.fullmatch(value):
        raise ValueError(f'{path} is {value!r}, which may be a file, an '
                         'address or a program.')
