"""Give a recipe a teacher store."""
import copy
from typing import Any

from mmengine.config import Config

from mmcckd.config_files.component_types import bare_type
from mmcckd.teacher_store import StoreSettings

from .algorithm import distillation_of


def teacher_store(cfg: Config, path: str, **settings: Any) -> Config:
    """Set ``model.teacher_store``, where outputs of the teacher are stored.

    Args:
        cfg (Config): The recipe. It is not changed.
        path (str): Folder of the store, which is created if it does not exist.
        **settings: ``views``, ``seed``, ``dtype`` and ``top_k``, see
            :class:`.FrozenTeacherDistill`. They override those of the recipe's
            ``model.teacher_store``. If neither has ``views``, it is the number
            of epochs, so that each epoch has views of its own.

    Returns:
        Config: The new recipe.

    Raises:
        TypeError, ValueError: If the recipe is not one of
            ``FrozenTeacherDistill``, a setting is unknown or out of range, or
            ``views`` is not given and the training does not count epochs.
    """
    kind = bare_type(distillation_of(cfg, 'teacher_store'))
    if kind != 'FrozenTeacherDistill':
        raise ValueError(
            'A teacher store needs a recipe with FrozenTeacherDistill, but '
            f'the algorithm of this recipe is {kind}. If it is '
            'SingleTeacherDistill with a frozen teacher, add '
            '--frozen-teacher, or call mmcckd.recipes.frozen_teacher(cfg) '
            'before.')
    stored = copy.deepcopy(cfg)
    entry = dict(stored.model.get('teacher_store') or {})
    entry.update(settings, path=str(path))
    if entry.get('views') is None:
        entry['views'] = _epochs(cfg)
    StoreSettings.from_config(entry)
    stored.model.teacher_store = entry
    return stored


def _epochs(cfg: Config) -> int:
    epochs = (cfg.get('train_cfg') or {}).get('max_epochs')
    if epochs is None:
        raise ValueError(
            'The number of views of each sample is the number of epochs if it '
            'is not given, but train_cfg of this recipe has no max_epochs. '
            'Give it: --teacher-store PATH views=…, or '
            'model.teacher_store.views.')
    return epochs
