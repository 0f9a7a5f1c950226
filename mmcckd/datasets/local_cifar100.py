import hashlib
import io
import logging
import os.path as osp
from typing import List

import numpy as np
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.registry import DATASETS
from mmpretrain.datasets import CIFAR100

from mmcckd.files.pickles import NUMPY, SafeUnpickler


@DATASETS.register_module()
class LocalCIFAR100(CIFAR100):
    """CIFAR-100 from local files, without any download.

    :class:`mmpretrain.datasets.CIFAR100` downloads files that are missing or
    differ from the published ones. This data set raises an error for a missing
    file, and warns about a file that differs, such as one that
    ``tools/make_toy_dataset.py`` has written. The files are pickles, which are
    read without running code that is in them.

    Args:
        data_root (str): The folder that contains ``cifar-100-python``.
        split (str): "train" or "test". Defaults to "train".
        **kwargs: ``pipeline`` and the other arguments of
            :class:`mmpretrain.datasets.CIFAR100`; ``download`` has no effect.

    Raises:
        FileNotFoundError: If the split's file is missing.
        ValueError: If a file does not have the format of CIFAR-100.
    """

    def load_data_list(self) -> List[dict]:
        """Images, (32, 32, 3), uint8, RGB, and labels, 0 to 99."""
        folder = osp.join(self.data_prefix['root'], self.base_folder)
        (name, md5), = dict(
            train=self.train_list, test=self.test_list)[self.split]
        path = osp.join(folder, name)
        advice = (f'Unpack {self.url} in {self.data_prefix["root"] or "."}, '
                  'or make toy data by tools/make_toy_dataset.py cifar100.')
        try:
            with open(osp.expanduser(path), 'rb') as file:
                content = file.read()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'No CIFAR-100 at {path}; data_root must be the folder that '
                f'has {self.base_folder}/train and {self.base_folder}/test in '
                f'it. {advice}') from error
        try:
            images, labels = _read(content)
        except Exception as error:  # a damaged pickle can raise any error
            raise ValueError(
                f"{path} is not a file of CIFAR-100's Python version, which "
                'is a pickle of a dict with "data", uint8 of shape (N, 3072), '
                'and "fine_labels", N numbers from 0 to 99. Reading it ended '
                f'with {type(error).__name__}: {error} {advice}') from error
        if hashlib.md5(content).hexdigest() != md5 and is_main_process():
            print_log(
                f'{path} is not the published CIFAR-100, but other data of '
                f'{len(labels):,} images.',
                logger='current',
                level=logging.WARNING)
        return [
            dict(img=image, gt_label=label)
            for image, label in zip(images, labels)
        ]


def _read(content: bytes) -> tuple:
    """Images (N, 32, 32, 3), uint8, and a list of N labels."""
    batch = SafeUnpickler(
        io.BytesIO(content), NUMPY, encoding='latin1').load()
    rows, labels = np.asarray(batch['data']), batch['fine_labels']
    if type(labels) is not list:
        raise ValueError(f'fine_labels that are a {type(labels).__name__}.')
    if rows.dtype != np.uint8:
        raise ValueError(f'data of dtype {rows.dtype}, not uint8.')
    if rows.shape != (len(labels), 3072) or not len(labels):
        raise ValueError(f'data of shape {rows.shape} for {len(labels)} '
                         'fine_labels.')
    wrong = {x for x in labels if type(x) is not int or not 0 <= x < 100}
    if wrong:
        raise ValueError(f'the fine_labels {sorted(map(repr, wrong))[:5]}.')
    images = rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels
