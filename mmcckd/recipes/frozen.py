"""Have a recipe's teacher frozen by FrozenTeacherDistill."""
import copy

from mmengine.config import Config

from mmcckd.config_files.component_types import bare_type

from .algorithm import distillation_of, import_mmcckd


def frozen_teacher(cfg: Config) -> Config:
    """Swap ``SingleTeacherDistill`` for ``FrozenTeacherDistill``.

    The teacher then takes less time and memory, is in no checkpoint, and its
    own checkpoint must fit; :class:`.FrozenTeacherDistill` says what else
    differs. ``SingleTeacherDistillValLoop`` is swapped too, for the loop that
    validates the teacher once. A recipe that has the frozen teacher already is
    returned as it is.

    Args:
        cfg (Config): The recipe; it is left as it is.

    Returns:
        Config: An ordinary recipe that imports mmcckd.

    Raises:
        ValueError: If the recipe's algorithm is another, its teacher is
            trained, or a recorder listens inside the teacher's loss, which a
            frozen teacher does not compute.
    """
    model = distillation_of(cfg, 'frozen_teacher')
    kind = bare_type(model)
    if kind not in ('SingleTeacherDistill', 'FrozenTeacherDistill'):
        raise ValueError(
            'frozen_teacher swaps SingleTeacherDistill for '
            f'FrozenTeacherDistill, but the algorithm of this recipe is '
            f'{kind}, which does more with its teacher; run it as it is.')
    for name, allowed in (('teacher_trainable', False),
                          ('teacher_norm_eval', True)):
        if model.get(name, allowed) != allowed:
            raise ValueError(
                f'frozen_teacher takes a recipe whose teacher is frozen, but '
                f'this one has {name}={model[name]}; leave it out, or keep '
                'SingleTeacherDistill.')
    for name, recorder in (model.distiller.get('teacher_recorders')
                           or {}).items():
        if 'loss' in recorder['source']:
            raise ValueError(
                f'teacher_recorders.{name} listens to {recorder["source"]!r}, '
                'but a frozen teacher computes no loss. If it is for the '
                'labels, record them on the student, who gets the same; '
                'otherwise keep SingleTeacherDistill.')

    frozen = copy.deepcopy(cfg)
    frozen.model.type = model.type.replace(kind, 'FrozenTeacherDistill')
    val_cfg = frozen.get('val_cfg')
    if val_cfg and bare_type(val_cfg) == 'SingleTeacherDistillValLoop':
        val_cfg.type = 'FrozenTeacherDistillValLoop'
    import_mmcckd(frozen)
    return frozen
