"""Delete no files but checkpoints of the own run.

When a run finds a better checkpoint, MMEngine's ``CheckpointHook`` deletes the
one that was the best before. In a run that was resumed, its path is the one in
the checkpoint, whatever it is: a file or a folder, such as the best checkpoint
of another run, which was resumed in a new folder.

Can be deleted when MMEngine deletes files in the folder of the run only.
"""
import functools
import os.path as osp
from typing import Any

from mmengine.hooks import CheckpointHook


def delete_own_checkpoints_only() -> None:
    """Make ``CheckpointHook`` forget the paths of other folders."""
    before_train = CheckpointHook.before_train
    if hasattr(before_train, 'forgets_others'):
        return

    @functools.wraps(before_train)
    def before_train_checked(self, runner) -> None:
        info = runner.message_hub.runtime_info
        if 'keep_ckpt_ids' in info:  # epochs or iterations, put into names
            runner.message_hub.update_info('keep_ckpt_ids', [
                number for number in info['keep_ckpt_ids']
                if type(number) is int
            ])
        before_train(self, runner)
        if self.save_best is None:
            return
        if not _is_own(getattr(self, 'best_ckpt_path', None), self.out_dir):
            self.best_ckpt_path = None
        best = getattr(self, 'best_ckpt_path_dict', {})
        for name, path in best.items():
            if not _is_own(path, self.out_dir):
                best[name] = None

    before_train_checked.forgets_others = True
    CheckpointHook.before_train = before_train_checked


def _is_own(path: Any, folder: str) -> bool:
    """Whether it is the best checkpoint of the run in a folder."""
    return (isinstance(path, str) and osp.basename(path).startswith('best_')
            and osp.abspath(osp.dirname(path)) == osp.abspath(folder))
