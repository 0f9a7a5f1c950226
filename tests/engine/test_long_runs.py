"""Nothing accumulates from epoch to epoch. tools/check_long_run.py trains for
an hour."""
import gc
import multiprocessing
import threading
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook

from mmcckd.engine import build_runner

RECIPE = (
    Path(__file__).parent.parent.parent /
    'configs/cckd/r18w16_r10w6_digits.py')


class Count(Hook):
    """Count what may accumulate, at the start of two epochs."""

    priority = 'LOWEST'

    def __init__(self):
        self.counts = []

    def before_train_epoch(self, runner) -> None:
        if runner.epoch in (4, 8):
            gc.collect()
            self.counts.append(
                dict(
                    objects=len(gc.get_objects()),
                    files=len(list(Path('/proc/self/fd').iterdir())),
                    threads=threading.active_count(),
                    workers=len(multiprocessing.active_children())))


@pytest.mark.skipif(
    not Path('/proc/self/fd').exists(), reason='needs the /proc of Linux')
@pytest.mark.parametrize('options', [
    dict(custom_hooks=[
        dict(type='EMAHook'),
        dict(type='CorrelationVisualizationHook', interval=10)
    ]),
    {
        'train_dataloader.num_workers': 1,
        'train_dataloader.persistent_workers': True,
        'val_dataloader.num_workers': 1,
        'val_dataloader.persistent_workers': True
    },
    {
        'train_dataloader.num_workers': 1,
        'val_dataloader.num_workers': 1,
        'model.teacher_store.views': 2
    },
])
def test_nothing_accumulates(tmp_path, options):
    cfg = Config.fromfile(RECIPE)
    cfg.merge_from_dict({
        'work_dir': str(tmp_path),
        'experiment_name': tmp_path.name,
        'log_level': 'ERROR',
        'model.teacher_ckpt': None,
        'train_cfg.max_epochs': 9,
        'train_cfg.val_interval': 2,
        **options
    })
    if cfg.model.get('teacher_store'):
        cfg.model.teacher_store.path = str(tmp_path / 'store')
    runner = build_runner(cfg)
    count = Count()
    runner.register_hook(count)
    runner.train()
    one, other = count.counts
    assert one == other
