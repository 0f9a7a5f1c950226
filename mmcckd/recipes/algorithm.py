"""The algorithm and the imports of a recipe."""
from mmengine.config import Config, ConfigDict

from mmcckd.config_files.component_types import bare_type

from .supernets import is_supernet


def distillation_of(cfg: Config,
                    caller: str,
                    supernets: bool = False) -> ConfigDict:
    """Return the model of a recipe with a distiller and a teacher.

    Args:
        cfg (Config): The recipe.
        caller (str): Name of the calling function, for error messages.
        supernets (bool): Whether the teacher may be the largest subnet of the
            student (:func:`.is_supernet`). Defaults to False.

    Returns:
        ConfigDict: ``cfg.model``, not a copy. It has a ``distiller``, and a
        ``teacher``, or ``teachers`` in MMRazor's data-free algorithms, unless
        it is a supernet.

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
    if model.get('teacher') or model.get('teachers'):
        return model
    if not is_supernet(model):
        raise ValueError(
            f'{caller} needs a recipe with a teacher, but this one has none: '
            f'{kind} has neither model.teacher nor model.teachers.' +
            (' It compares layers of one network in one forward pass.'
             if kind == 'SelfDistill' else ''))
    if not supernets:
        raise ValueError(
            f'{caller} needs a recipe with a teacher of its own, but the '
            f'teacher of {kind} is the largest subnet of the student, which '
            'is trained in the same iteration. Use the recipe unchanged.')
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
