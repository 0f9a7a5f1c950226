"""What a recipe's config says of its algorithm."""
from mmengine.config import Config, ConfigDict


def distillation_of(cfg: Config, taker: str) -> ConfigDict:
    """The model of a recipe that distils from a teacher.

    Args:
        cfg (Config): The recipe.
        taker (str): Who asks, for the message.

    Returns:
        ConfigDict: ``cfg.model``, not a copy; its ``distiller`` is a dict,
        and it has a ``teacher``, or ``teachers`` as MMRazor's data-free
        algorithms do.

    Raises:
        ValueError: If there is no distiller, or no teacher.
    """
    model = cfg.get('model') or {}
    kind = model.get('type')
    if not model.get('distiller'):
        raise ValueError(
            f'{taker} takes a recipe that distils, but this one has no '
            f'model.distiller; its model is {kind or "not set"}. Start from '
            "one such as mmrazor::distill/mmcls/kd/"
            'kd_logits_resnet34_resnet18_8xb32_in1k.py.')
    if not (model.get('teacher') or model.get('teachers')):
        raise ValueError(
            f'{taker} takes a recipe with a teacher, but this one has none: '
            f'{kind} has no model.teacher, nor model.teachers, to follow.')
    return model


def import_mmcckd(cfg: Config) -> None:
    """Have the recipe import mmcckd, after what it imports anyway."""
    imports = cfg.get('custom_imports') or {}
    names = imports.get('imports') or []
    names = [names] if isinstance(names, str) else list(names)
    if 'mmcckd' not in names:
        cfg.custom_imports = dict(
            imports=[*names, 'mmcckd'],
            allow_failed_imports=imports.get('allow_failed_imports', False))
