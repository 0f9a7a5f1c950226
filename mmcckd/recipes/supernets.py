"""Recipes whose teacher is the largest subnet of the student's supernet."""
from typing import Union

from mmrazor.models.algorithms import DMCP, AutoSlim, BigNAS
from mmrazor.registry import MODELS


def is_supernet(model: dict) -> bool:
    """Whether an algorithm distils from the largest subnet to the others.

    In each iteration, MMRazor's algorithms for search and pruning train the
    largest subnet, which the teacher recorders record, and then smaller ones,
    which the student recorders record.

    Args:
        model (dict): ``cfg.model``.
    """
    kind: Union[str, type, None] = model.get('type')
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind,
                                                 (AutoSlim, BigNAS, DMCP))
