"""Data sets inside wrappers."""
from typing import List

from torch.utils.data import Dataset


def base_datasets(dataset: Dataset) -> List[Dataset]:
    """Return the data sets inside a wrapper.

    Args:
        dataset (Dataset): A data set, or a wrapper such as ``RepeatDataset``
            or ``ConcatDataset``; wrappers may be nested.

    Returns:
        List[Dataset]: The innermost data sets, or the data set itself if it
        is not a wrapper.
    """
    inner = getattr(dataset, 'datasets', [dataset.dataset]
                    if hasattr(dataset, 'dataset') else [])
    if not inner:
        return [dataset]
    return [base for part in inner for base in base_datasets(part)]
