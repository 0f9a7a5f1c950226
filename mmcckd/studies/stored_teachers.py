"""The teacher stores that the runs of a study share."""
import copy
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict

from mmengine.config import Config, ConfigDict

from mmcckd.recipes import teacher_store
from mmcckd.teacher_store import StoreSettings


def set_views(cfg: Config, settings: Dict[str, Any],
              teacher_folder: Path) -> Config:
    """Give a run the views of a teacher store, and the store if it distills.

    Args:
        cfg (Config): The config of the run. It is not changed.
        settings (Dict[str, Any]): Settings of the store, without its path.
        teacher_folder (Path): The folder of the teacher's run, in which the
            stores of this teacher are.

    Returns:
        Config: The new config. A run without a teacher has
        :class:`.RepeatableViewsHook`.
    """
    if 'teacher_ckpt' in cfg.model:
        return teacher_store(cfg, store_folder(cfg, settings, teacher_folder),
                             **settings)
    checked = StoreSettings.from_config(dict(settings, path='.'))
    hook = dict(
        type='RepeatableViewsHook', views=checked.views, seed=checked.seed)
    cfg = copy.deepcopy(cfg)
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), hook]
    return cfg


def store_folder(cfg: Config, settings: Dict[str, Any],
                 teacher_folder: Path) -> Path:
    """The folder of a store: one for each setting and training set."""
    checked = StoreSettings.from_config(dict(settings, path='.'))
    job = ConfigDict(
        asdict(checked),
        dataset=cfg.train_dataloader.dataset,
        batch_size=cfg.train_dataloader.get('batch_size'),
        data_preprocessor=cfg.get('data_preprocessor'))
    text = json.dumps(job.to_dict(), sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return teacher_folder / f'teacher_store_{digest}'
