"""Copy the settings of each subset of a data set anew.

``BaseDataset.get_subset``, which MMPretrain's ``KFoldDataset`` uses, remembers
what it has copied by ``id`` for the rest of the process. Python may give the
id of a deleted data set to an attribute of another one, such as its pipeline,
whose "copy" is then a data set. In a run with two folds, for training and
validation, loading may end with "object is not callable".

Can be deleted when MMEngine copies with a new memo for each subset.
"""
import functools
from typing import Optional

from mmengine.dataset import BaseDataset


def copy_subsets_separately() -> None:
    """Make ``get_subset`` remember nothing of earlier copies."""
    copy = BaseDataset._copy_without_annotation
    if hasattr(copy, '__wrapped__'):
        return

    @functools.wraps(copy)
    def copy_anew(self, memo: Optional[dict] = None) -> BaseDataset:
        return copy(self, {} if memo is None else memo)

    BaseDataset._copy_without_annotation = copy_anew
