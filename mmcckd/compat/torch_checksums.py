"""Let MMEngine compare checkpoints with their checksums.

``torch.load`` does not compare the checksums that ``torch.save`` writes, so
damaged weights would be loaded without an error. This holds for all that is
loaded with MMEngine's ``CheckpointLoader``: ``--resume``, ``load_from``,
``init_cfg`` and the teacher's checkpoint.

Can be deleted when ``torch.load`` compares them.
"""
import functools
from typing import Any

from mmengine.runner import CheckpointLoader

from mmcckd.files.checkpoint_damage import check_undamaged


def compare_checksums() -> None:
    """Refuse damaged files in ``CheckpointLoader.load_checkpoint``."""
    load = CheckpointLoader.load_checkpoint.__func__

    @functools.wraps(load)
    def load_checkpoint(cls, filename: str, *args, **kwargs) -> Any:
        check_undamaged(str(filename))
        return load(cls, filename, *args, **kwargs)

    CheckpointLoader.load_checkpoint = classmethod(load_checkpoint)
