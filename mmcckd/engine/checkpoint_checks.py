"""Make a runner load only checkpoints that fit completely."""
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmcckd.models.algorithms.teacher_checkpoint import load_teacher_checkpoint

from .hooks import StrictCheckpointHook


def load_strictly(runner: Runner) -> None:
    """Check the checkpoints of the teachers, and those that a runner loads.

    MMRazor's algorithms load only the weights that fit from the checkpoints
    of their teachers. These checkpoints are loaded again, strictly. For all
    other checkpoints, :class:`.StrictCheckpointHook` is registered.

    Args:
        runner (Runner): A runner that has not started yet.

    Raises:
        FileNotFoundError, ValueError: See
            :func:`~mmcckd.models.algorithms.teacher_checkpoint.
            load_teacher_checkpoint`.
    """
    runner.register_hook(StrictCheckpointHook())
    model = runner.model  # still a dict if the runner is a FlexibleRunner
    while is_model_wrapper(model):
        model = model.module
    cfg = runner.cfg.get('model') or {}
    # The teacher of FrozenTeacherDistill is not a submodule; the algorithm
    # itself checks its checkpoint.
    if cfg.get('teacher_ckpt') and 'teacher' in getattr(
            model, '_modules', ()):
        load_teacher_checkpoint(model.teacher, cfg.teacher_ckpt)
    for name, teacher in (cfg.get('teachers') or {}).items():
        if teacher.get('ckpt_path'):
            load_teacher_checkpoint(model.teachers[name], teacher.ckpt_path)
