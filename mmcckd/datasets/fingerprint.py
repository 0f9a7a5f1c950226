"""Hashes of the samples of a dataset and of their order."""
import hashlib
import os.path as osp
import pickle
from typing import Dict, Iterator, List

import numpy as np
from mmengine.dataset import BaseDataset
from torch.utils.data import Dataset

from .wrappers import advice_on_wrappers, defines, gather


def fingerprint_dataset(dataset: Dataset) -> Dict[str, object]:
    """Hash the samples of a dataset.

    A sample is identified by the path of its image within the folder that all
    images share, so that the data can be moved. If it has no path, it is
    identified by the image itself. Labels and the pipeline have no influence.

    Args:
        dataset (Dataset): A data set whose ``get_data_info(idx)`` returns
            ``img_path`` or ``img``, such as MMEngine's data sets, or nested
            wrappers of them.

    Returns:
        Dict[str, object]: ``num_samples`` (int); ``files`` (str), a hash that
        does not depend on the order of samples; and ``order`` (str), a hash
        that does.

    Raises:
        TypeError: If the dataset does not give its images.
    """
    names = sample_names(dataset)
    shared = osp.commonprefix(names).rfind('/') + 1
    names = [name[shared:] for name in names]
    return dict(
        num_samples=len(names), files=_hash(sorted(names)), order=_hash(names))


def sample_names(dataset: Dataset) -> List[str]:
    """Get the path of each image of a dataset, or else a hash of the image.

    Args:
        dataset (Dataset): As for :func:`fingerprint_dataset`.

    Raises:
        TypeError: If the dataset does not give its images.
    """
    return gather(dataset, _names).tolist()


def _names(dataset: Dataset, name: str) -> np.ndarray:
    names = []
    for i, info in enumerate(_infos(dataset)):
        if isinstance(info.get('img_path'), str):
            names.append(info['img_path'])
        elif 'img' in info:
            image = np.ascontiguousarray(info['img'])
            names.append(hashlib.sha256(image.data).hexdigest())
        else:
            raise TypeError(
                'Samples are identified by their images, but '
                f'{name} does not give that of sample {i}; '
                "its get_data_info(idx) should give 'img_path' or 'img'." +
                advice_on_wrappers(dataset, 'get_data_info(idx)'))
    return np.array(names, dtype=object)


def _infos(dataset: Dataset) -> Iterator[dict]:
    if getattr(type(dataset), 'get_data_info',
               None) is not BaseDataset.get_data_info:
        gives = defines(dataset, 'get_data_info')
        for i in range(len(dataset)):
            yield dataset.get_data_info(i) if gives else {}
        return
    # What get_data_info returns, but faster, for 1.28 million samples.
    dataset.full_init()
    if not dataset.serialize_data:
        yield from dataset.data_list
        return
    data, begin = memoryview(dataset.data_bytes), 0
    for end in dataset.data_address.tolist():
        yield pickle.loads(data[begin:end])
        begin = end


def _hash(names: List[str]) -> str:
    digest = hashlib.sha256()
    for name in names:
        digest.update(name.encode(errors='surrogateescape') + b'\0')
    return digest.hexdigest()
