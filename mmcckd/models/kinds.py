"""Kinds of networks, and the module that is compared by default."""
from typing import Optional

from mmpretrain.models import MultiLabelClsHead, MultiTaskHead
from torch import nn

CLASSIFIER, MULTI_LABEL = 'classifier', 'multi-label classifier'
DETECTOR, SEGMENTOR = 'detector', 'segmentor'
# Kinds whose networks have maps of features, and the base classes by name,
# since their packages need not be installed.
DENSE = dict(BaseDetector=DETECTOR, BaseSegmentor=SEGMENTOR)


def kind_of(network: nn.Module) -> str:
    """Return the kind of a network.

    Args:
        network (nn.Module): The student or the teacher.

    Returns:
        str: "detector" for those of mmdet and mmdet3d, "segmentor" for those
        of mmsegmentation, "multi-label classifier" for those of MMPretrain
        with several labels or tasks, "classifier" for all other networks.
    """
    for base in type(network).__mro__:
        if base.__name__ in DENSE:
            return DENSE[base.__name__]
    head = getattr(network, 'head', None)
    if isinstance(head, (MultiLabelClsHead, MultiTaskHead)):
        return MULTI_LABEL
    return CLASSIFIER


def is_dense(network: nn.Module) -> bool:
    """Whether a network is a detector or a segmentor."""
    return kind_of(network) in DENSE.values()


def is_3d(network: nn.Module) -> bool:
    """Whether a network is a detector of mmdet3d, which gets images in a dict.
    """
    return any(
        base.__module__.startswith('mmdet3d.')
        for base in type(network).__mro__)


def default_part(network: nn.Module) -> Optional[str]:
    """Return the name of the module whose output is compared by default.

    The neck of a classifier pools, and that of a detector has a map for each
    scale. That of a segmentor, if there is one, is a part of the decoder.

    Args:
        network (nn.Module): The student or the teacher.

    Returns:
        str | None: "neck" or "backbone"; None if the network has neither, as
        a ``TimmClassifier``.
    """
    parts = ('neck', 'backbone')
    for part in parts[1:] if kind_of(network) == SEGMENTOR else parts:
        if getattr(network, part, None) is not None:
            return part
    return None
