"""Config of a student, from the config of its distillation."""
from typing import Any

import mmpretrain.registry
from mmengine.config import Config, ConfigDict
from mmengine.registry import Registry

from mmcckd.config_files.cfg_path import expand_cfg_path

from .config_text import types
from .stored_config import check_cfg_path
from .type_names import name_types


def student_config(cfg: Config) -> Config:
    """Make a plain, complete MMPretrain config of the student of a run.

    The config of a detector or segmentor is one of its package: mmdet, mmdet3d
    or mmsegmentation.

    Args:
        cfg (Config): The config of a distillation, with the student at
            ``model.architecture``, or of the student itself. If it has no
            file name, it is taken for that of a checkpoint, which must not
            name modules or other config files.

    Returns:
        Config: ``model``, expanded if the run gives it by ``cfg_path``,
        ``data_preprocessor``, ``test_dataloader``, ``test_evaluator``,
        ``test_cfg`` and ``default_scope``; ``custom_imports`` only if a
        component of another package is used. The types of registered classes
        are their names, also if ``cfg`` is a new-style config.

    Raises:
        ValueError: If it has no model, or no test or validation data.
    """
    if 'model' not in cfg:
        raise ValueError('it has no model.')
    model = _expand(cfg.model.get('architecture', cfg.model), cfg)
    own_preprocessor = model.pop('data_preprocessor', None)
    split = 'test' if cfg.get('test_dataloader') else 'val'
    if not cfg.get(f'{split}_dataloader'):
        raise ValueError('it has neither a test_dataloader nor a '
                         'val_dataloader, whose pipeline the student needs.')
    scope = model.get('_scope_')
    is_foreign = scope in ('mmdet', 'mmdet3d', 'mmseg')
    if scope == 'mmpretrain':
        del model['_scope_']
    student = Config(
        dict(
            default_scope=scope if is_foreign else 'mmpretrain',
            model=_plain(name_types(model)),
            # in the order of precedence of MMEngine and MMRazor
            data_preprocessor=name_types(
                cfg.model.get('data_preprocessor')
                or cfg.get('data_preprocessor') or own_preprocessor),
            test_dataloader=_plain(name_types(cfg[f'{split}_dataloader'])),
            test_evaluator=name_types(cfg[f'{split}_evaluator']),
            test_cfg=dict()))
    if is_foreign:  # these packages expect it in the model
        student.model.data_preprocessor = student.pop('data_preprocessor')
    if scope == 'mmseg':  # read by its inference_model()
        student.test_pipeline = student.test_dataloader.dataset.get('pipeline')
    imports = _imports(cfg, student)
    if imports['imports']:
        student.custom_imports = imports
    return student


def _expand(model: ConfigDict, run: Config) -> ConfigDict:
    """The model, expanded if the run gives it by ``cfg_path``."""
    # A config from a checkpoint has no file name.
    if model.get('cfg_path') and run.filename is None:
        check_cfg_path(str(model.cfg_path))
    return expand_cfg_path(model)


def _plain(config: Any) -> Any:
    """Remove initial weights, and replace ``LoadImage`` by mmcv's transform.

    The student has trained weights, so the files and downloads that the run
    started from are not needed. MMPretrain's inferencers leave out mmcv's
    transform, which they do themselves.
    """
    if isinstance(config, (list, tuple)):
        return type(config)(_plain(part) for part in config)
    if not isinstance(config, dict):
        return config
    config = {
        name: _plain(value)
        for name, value in config.items()
        if name not in ('pretrained', 'checkpoint_path') and (
            name != 'init_cfg' or 'Pretrained' not in types(value))
    }
    if config.get('type') == 'LoadImage':
        config['type'] = 'LoadImageFromFile'
    return config


def _imports(cfg: Config, student: Config) -> dict:
    """The ``custom_imports`` of the run that the student needs.

    Those of a config from a checkpoint are left out.
    """
    imports = dict(cfg.get('custom_imports') or dict(imports=[]))
    names = imports['imports']
    names = [names] if isinstance(names, str) else list(names)
    if cfg.filename is None:
        imports = dict(allow_failed_imports=False)
        names = []
    if not _needs_mmcckd(student):
        names = [name for name in names if name.split('.')[0] != 'mmcckd']
    elif 'mmcckd' not in names:
        names = ['mmcckd', *names]
    return dict(imports, imports=names)


def _needs_mmcckd(cfg: Config) -> bool:
    """Whether the config uses a component of mmcckd, or one of MMRazor, which
    cannot be imported without mmcckd."""
    registries = [
        registry for registry in vars(mmpretrain.registry).values()
        if isinstance(registry, Registry)
    ]
    own = {
        name
        for registry in registries
        for part in (registry, registry.parent) if part is not None
        for name, component in part.module_dict.items()
        if component.__module__.partition('.')[0] == 'mmcckd'
    }
    return any(
        name.startswith('mmrazor.') or name.rpartition('.')[-1] in own
        for name in types(cfg.to_dict()))
