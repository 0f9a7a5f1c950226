"""Have a runner load what fits as a whole, and refuse the rest."""
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmcckd.models.algorithms.teacher_checkpoint import load_teacher_checkpoint

from .hooks import StrictCheckpointHook


def load_strictly(runner: Runner) -> None:
    """Check the checkpoints of a runner: its teachers', and what it will load.

    MMRazor's own algorithms have loaded what fits of their teachers'
    checkpoints when they were built; these are loaded again, as
    ``FrozenTeacherDistill`` does. For the others see
    :class:`.StrictCheckpointHook`, which is registered.

    Args:
        runner (Runner): It has been built, but has not begun.

    Raises:
        FileNotFoundError, ValueError: As
            :func:`~mmcckd.models.algorithms.teacher_checkpoint.
            load_teacher_checkpoint` says.
    """
    runner.register_hook(StrictCheckpointHook())
    model = runner.model  # a dict, as long as FlexibleRunner has not built it
    while is_model_wrapper(model):
        model = model.module
    cfg = runner.cfg.get('model') or {}
    # The teacher of FrozenTeacherDistill, no submodule, is checked there.
    if cfg.get('teacher_ckpt') and 'teacher' in getattr(
            model, '_modules', ()):
        load_teacher_checkpoint(model.teacher, cfg.teacher_ckpt)
    for name, teacher in (cfg.get('teachers') or {}).items():
        if teacher.get('ckpt_path'):
            load_teacher_checkpoint(model.teachers[name], teacher.ckpt_path)
