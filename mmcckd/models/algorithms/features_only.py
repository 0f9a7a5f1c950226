"""Leave out the parts of a teacher that follow its recorded features."""
from typing import Any

from mmengine.model import BaseModel
from mmrazor.models.task_modules import RecorderManager

from ..kinds import is_dense

# The parts that extract_feat() runs.
PARTS = ('backbone', 'neck')
METHOD = '_forward'  # of mmdet and mmsegmentation, for ``mode='tensor'``


def run_features_only(model: BaseModel, recorders: RecorderManager) -> None:
    """Let ``mode='tensor'`` of a detector or segmentor only extract features.

    This is a change in place. The model is not changed if something is
    recorded outside of its backbone and neck, or if it is a classifier, the
    head of which is fast.

    Args:
        model (BaseModel): The teacher.
        recorders (RecorderManager): Its recorders.
    """
    sources = [recorder.source for recorder in recorders.recorders.values()]
    if is_dense(model) and all(
            source.partition('.')[0] in PARTS for source in sources):
        setattr(model, METHOD, _ExtractFeatures(model))


class _ExtractFeatures:
    """A class, since a model with a function of its own cannot be copied."""

    def __init__(self, model: BaseModel) -> None:
        self.model = model

    def __call__(self, inputs: Any, data_samples: Any = None) -> Any:
        return self.model.extract_feat(inputs)
