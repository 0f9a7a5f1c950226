"""The algorithm and the imports of a recipe."""
from mmengine.config import Config, ConfigDict

from mmcckd.config_files.component_types import bare_type


def distillation_of(cfg: Config, caller: str) -> ConfigDict:
    """Return the model of a recipe with a distiller and a teacher.

    Args:
        cfg (Config): The recipe.
        caller (str): Name of the calling function, for error messages.

    Returns:
        ConfigDict: ``cfg.model``, not a copy. It has a ``distiller``, and a
        ``teacher``, or ``teachers`` in MMRazor's data-free algorithms.

    Raises:
        ValueError: If the model has no distiller or no teacher.
    """
    model = cfg.get('model') or {}
    kind = bare_type(model) if model.get('type') else 'not set'
    if not model.get('distiller'):
        raise ValueError(
            f'{caller} needs a recipe for distillation, but this one has no '
            f'model.distiller; its model is {kind}. Use a recipe '
            'such as mmrazor::distill/mmcls/kd/'
            'kd_logits_resnet34_resnet18_8xb32_in1k.py.')
    if not (model.get('teacher') or model.get('teachers')):
        raise ValueError(
            f'{caller} needs a recipe with a teacher, but this one has none: '
            f'{kind} has neither model.teacher nor model.teachers.')
    return model


def mmrazor_type(cfg: Config, name: str) -> str:
    """Return the type of a component that is added to the model of a recipe.

    Args:
        cfg (Config): The recipe.
        name (str): Name of a class that is registered in MMRazor.

    Returns:
        str: The name, with the scope ``mmrazor.`` if the model is built in
        another scope. MMRazor's recipes set its ``_scope_``; a new-style
        config, whose types are classes, usually does not.
    """
    scope = cfg.model.get('_scope_') or cfg.get('default_scope')
    return name if scope == 'mmrazor' else f'mmrazor.{name}'


def import_mmcckd(cfg: Config) -> None:
    """Add mmcckd to the ``custom_imports`` of a recipe."""
    imports = cfg.get('custom_imports') or {}
    names = imports.get('imports') or []
    names = [names] if isinstance(names, str) else list(names)
    if 'mmcckd' not in names:
        cfg.custom_imports = dict(
            imports=[*names, 'mmcckd'],
            allow_failed_imports=imports.get('allow_failed_imports', False))
