"""Fill a teacher store before the training."""
import copy
import os.path as osp

from mmengine.config import Config
from torch import nn

from .runner import build_runner
from .unwrapped_model import unwrapped


def fill_teacher_store(cfg: Config, all_views: bool = True) -> nn.Module:
    """Run the teacher of a recipe on all views that its store lacks.

    Each row is computed in the same batch each time, also if the store was
    filled in part before; see :class:`.FillTeacherStoreLoop`.

    All else that a training would find wrong before its first iteration is
    found too. The process group of a distributed run must be initialized.

    Args:
        cfg (Config): The config of a run whose model has a ``teacher_store``.
            It is not changed. Logs are written to the folder "store_teacher"
            in its work dir.
        all_views (bool): Whether to store also views that this training ends
            before it shows them. Defaults to True.

    Returns:
        nn.Module: The model, with the open store in ``stored_teacher.store``.

    Raises:
        ValueError: If the training could not use the store; see
            :class:`.TeacherStoreHook`.
    """
    return unwrapped(build_runner(_filling_config(cfg, all_views)).train())


def _filling_config(cfg: Config, all_views: bool) -> Config:
    """The config with :class:`.FillTeacherStoreLoop` as its only loop."""
    cfg = copy.deepcopy(cfg)
    training = None if all_views else {
        name: cfg.train_cfg[name]
        for name in ('max_epochs', 'max_iters') if name in cfg.train_cfg
    }
    cfg.train_cfg = dict(type='FillTeacherStoreLoop', training=training)
    for name in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg[f'{name}_{part}'] = None
    # Nothing is trained, and a checkpoint would be that of the student.
    cfg.param_scheduler = cfg.auto_scale_lr = cfg.load_from = None
    cfg.resume = False
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
    cfg.setdefault('default_hooks', {}).update(
        checkpoint=None, param_scheduler=None)
    # The teacher is the same without a strategy for the student.
    for name in ('runner_type', 'strategy'):
        cfg.pop(name, None)
    # The config of a training in the work dir is kept.
    cfg.work_dir = osp.join(cfg.work_dir, 'store_teacher')
    return cfg
