"""Use FrozenTeacherDistill in a recipe."""
import copy

from mmengine.config import Config

from mmcckd.config_files.component_types import bare_type

from .algorithm import distillation_of, import_mmcckd

REPLACED = ('SingleTeacherDistill', 'FpnTeacherDistill',
            'FrozenTeacherDistill')
# Parts of detectors and segmentors whose inputs in training depend on the
# labels, or that only run in training.
IN_THE_LOSS = ('roi_head', 'auxiliary_head')


def frozen_teacher(cfg: Config) -> Config:
    """Replace ``SingleTeacherDistill`` with ``FrozenTeacherDistill``.

    ``FpnTeacherDistill``, which some recipes for detectors use, is replaced as
    well. The teacher then needs less time and memory, is not saved in
    checkpoints, and its own checkpoint must fit; see
    :class:`.FrozenTeacherDistill` for other differences.
    ``SingleTeacherDistillValLoop`` is also replaced, with the loop that
    validates the teacher once. A recipe that already uses
    ``FrozenTeacherDistill`` is returned as a copy.

    Args:
        cfg (Config): The recipe. It is not changed.

    Returns:
        Config: The new recipe, which imports mmcckd.

    Raises:
        ValueError: If the recipe has another algorithm, its teacher is
            trained, or a recorder records a module inside the loss of the
            teacher, which a frozen teacher does not compute.
    """
    model = distillation_of(cfg, 'frozen_teacher')
    kind = bare_type(model)
    if kind not in REPLACED:
        raise ValueError(
            'frozen_teacher replaces SingleTeacherDistill or '
            'FpnTeacherDistill with FrozenTeacherDistill, but the algorithm '
            f'of this recipe is {kind}, which does more with its teacher; use '
            'it unchanged.')
    for name, allowed in (('teacher_trainable', False),
                          ('teacher_norm_eval', True)):
        if model.get(name, allowed) != allowed:
            raise ValueError(
                f'frozen_teacher needs a recipe with a frozen teacher, but '
                f'this one has {name}={model[name]}; remove it, or keep '
                f'{kind}.')
    for name, recorder in (model.distiller.get('teacher_recorders')
                           or {}).items():
        source = recorder['source']
        if 'loss' in source:
            raise ValueError(
                f'teacher_recorders.{name} records {source!r}, '
                'but a frozen teacher computes no loss. To record labels, use '
                'a recorder of the student, which gets the same labels; '
                'otherwise, keep SingleTeacherDistill.')
        if source.partition('.')[0] in IN_THE_LOSS:
            raise ValueError(
                f'teacher_recorders.{name} records {source!r}, which only '
                'runs, or runs on other inputs, when the teacher computes its '
                f'loss. Record a module before it, or keep {kind}.')

    frozen = copy.deepcopy(cfg)
    if kind != 'FrozenTeacherDistill':
        # A class, or the path of one, needs no scope, but a name does.
        frozen.model.type = (
            'FrozenTeacherDistill' if model.type == kind else
            'mmrazor.FrozenTeacherDistill')
    val_cfg = frozen.get('val_cfg')
    if val_cfg and bare_type(val_cfg) == 'SingleTeacherDistillValLoop':
        val_cfg.type = 'FrozenTeacherDistillValLoop'
    import_mmcckd(frozen)
    return frozen
