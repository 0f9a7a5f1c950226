from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

ROOT = Path(__file__).parent.parent.parent


def test_the_teacher_is_validated_once(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path),
            experiment_name=tmp_path.name,
            log_level='WARNING',
            val_cfg=dict(type='FrozenTeacherDistillValLoop'),
            train_cfg=dict(max_epochs=3, val_interval=1),
            model=dict(teacher_ckpt=None, teacher_dtype='bfloat16')))
    runner = Runner.from_cfg(cfg)
    seen, call_hook = [], runner.call_hook

    def listen(name, **kwargs):
        if name == 'after_val_epoch':
            seen.append(set(kwargs['metrics']))
        return call_hook(name, **kwargs)

    runner.call_hook = listen
    runner.train()
    student, teacher = 'accuracy/top1', 'teacher.accuracy/top1'
    assert seen == [{student, teacher}, {student}, {student}]
