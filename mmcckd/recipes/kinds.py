"""Kinds of networks, and the module that is compared by default."""
from typing import Optional

from torch import nn

CLASSIFIER, DETECTOR, SEGMENTOR = 'classifier', 'detector', 'segmentor'
# Base classes by name, since their packages need not be installed.
BASES = dict(BaseDetector=DETECTOR, BaseSegmentor=SEGMENTOR)
# In the order of preference. The neck of a classifier pools; that of a
# detector has a map for each scale; that of a segmentor, if there is one, is a
# part of the decoder.
PARTS = {
    CLASSIFIER: ('neck', 'backbone'),
    DETECTOR: ('neck', 'backbone'),
    SEGMENTOR: ('backbone', ),
}


def kind_of(network: nn.Module) -> str:
    """Return the kind of a network.

    Args:
        network (nn.Module): The student or the teacher.

    Returns:
        str: "detector" for those of mmdet and mmdet3d, "segmentor" for those
        of mmsegmentation, "classifier" for all other networks.
    """
    for base in type(network).__mro__:
        if base.__name__ in BASES:
            return BASES[base.__name__]
    return CLASSIFIER


def default_part(network: nn.Module) -> Optional[str]:
    """Return the name of the module whose output is compared by default.

    Args:
        network (nn.Module): The student or the teacher.

    Returns:
        str | None: "neck" or "backbone"; None if the network has neither, as
        a ``TimmClassifier``.
    """
    for part in PARTS[kind_of(network)]:
        if getattr(network, part, None) is not None:
            return part
    return None
