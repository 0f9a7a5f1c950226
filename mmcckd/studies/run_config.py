"""The config of a run of a study."""
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from mmcckd.config_files.component_types import bare_type
from mmcckd.engine.config_arguments import read_config
from mmcckd.engine.host_defaults import fill_in_preprocessor

from .run import Run
from .stored_teachers import set_views
from .study_folder import CHECKPOINT

RATIOS = 50  # gradient ratios that are recorded in a run


def make_config(run: Run, folder: Path, root: Path,
                teacher_folder: Optional[Path],
                superclasses: Optional[Path]) -> Config:
    """The config of a run; the arguments are those of :func:`.train`.

    The run is not validated during the training, and has a checkpoint at its
    end only. Runs with a CC loss record the gradient ratio, except those that
    choose a setting.
    """
    cfg = read_config(str(root / run.config), run.options)
    fill_in_preprocessor(cfg)
    cfg.randomness = dict(seed=run.seed)
    cfg.work_dir = str(folder)
    cfg.log_level = 'WARNING'
    by_epoch = 'max_epochs' in cfg.train_cfg
    length = cfg.train_cfg.max_epochs if by_epoch else cfg.train_cfg.max_iters
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', by_epoch=by_epoch, interval=length)
    cfg.train_cfg.val_begin = length + 1
    if 'teacher_ckpt' in cfg.model:
        cfg.model.teacher_ckpt = str(teacher_folder / CHECKPOINT)
    if superclasses is not None:
        cfg.train_dataloader.batch_sampler.superclasses = str(superclasses)
    if run.teacher_store:
        cfg = set_views(cfg, run.teacher_store, teacher_folder)
    if not run.chooses_setting and _has_cc(cfg):
        interval = 10 if by_epoch else max(1, length // RATIOS)
        hook = dict(type='GradientRatioHook', interval=interval)
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or ()), hook]
    return cfg


def _has_cc(cfg: Config) -> bool:
    losses = cfg.model.get('distiller', {}).get('distill_losses', {})
    return any(
        bare_type(loss).endswith('CorrelationCongruenceLoss')
        for loss in losses.values())
