"""What data set wrappers have in common."""
from typing import List

from torch.utils.data import Dataset


def base_datasets(dataset: Dataset) -> List[Dataset]:
    """The data sets within wrappers such as ``RepeatDataset`` and
    ``ConcatDataset``; the data set itself, if it is no wrapper."""
    inner = getattr(dataset, 'datasets', [dataset.dataset]
                    if hasattr(dataset, 'dataset') else [])
    if not inner:
        return [dataset]
    return [base for part in inner for base in base_datasets(part)]
