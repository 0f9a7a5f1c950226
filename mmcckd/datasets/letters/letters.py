import logging
import os.path as osp
from typing import Dict, List, Optional

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.dist import is_main_process
from mmengine.logging import print_log
from mmengine.registry import DATASETS
from mmpretrain.datasets import BaseDataset

from .letters_folder import LettersFolder
from .selection import select_for_recognition, select_for_retrieval

SPLITS = ('train', 'val', 'test')


@DATASETS.register_module()
class Letters(BaseDataset):
    """Drawings of characters in typefaces, made by ``tools/make_letters.py``.

    A class is a character, or several that look alike; a sample is its
    drawing in one typeface (face). There are two tasks:

    - *recognition*: the classes for training, in the faces of the split.
      ``gt_label`` is 0 to C - 1.
    - *retrieval*: classes that are not in training, in the faces of the
      validation or the test, which are not in training either. As in
      re-identification, ``gt_label`` is the class, ``camera_id`` the face,
      and ``is_query`` tells queries from the gallery. A quarter of the
      drawings of each class, at least one, are queries; this choice is fixed.
      Classes with a single drawing in these faces are left out.

    Each sample also has ``img``, uint8 of shape (32, 32).

    Args:
        data_root (str): Folder of the data. Defaults to "data/letters".
        split (str): "train", "val" or "test": which faces. Defaults to
            "train".
        task (str): "recognition" or "retrieval". Defaults to "recognition".
        classes (str): For recognition, "train", or "other" for the classes
            that are neither for training nor for retrieval, such as to train
            a teacher with other characters. Defaults to "train".
        num_faces (int, optional): For recognition, use only the first faces
            of the split. Their order is random, but fixed. If classes for
            training are in none of these faces, there is a warning. Defaults
            to None, all faces.
        samples_per_class (int, optional): For recognition, use at most so
            many drawings of each class. A smaller selection is a subset of a
            larger one. Defaults to None, all drawings.
        imbalance (float): For recognition, the ratio of the number of samples
            of the most frequent class to that of the rarest. Which class is
            how frequent is random; the numbers decrease exponentially, from
            ``samples_per_class`` or the number of faces, but each class keeps
            at least one sample. Defaults to 1, balanced classes.
        label_noise (float): For recognition, the share of samples that get a
            random wrong label, at least 0 and less than 1. Defaults to 0.
        seed (int): Seed of the samples that are selected, of the frequency
            of classes, and of the wrong labels. Defaults to 0.
        **kwargs: ``pipeline``, ``test_mode`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`, except for
            ``serialize_data``, which is False.

    Raises:
        FileNotFoundError: If the folder or one of its files does not exist.
        TypeError: If a number is of a wrong type.
        ValueError: If an argument is out of its range, is for recognition
            only, or the folder is damaged.
    """

    def __init__(self,
                 data_root: str = 'data/letters',
                 split: str = 'train',
                 task: str = 'recognition',
                 classes: str = 'train',
                 num_faces: Optional[int] = None,
                 samples_per_class: Optional[int] = None,
                 imbalance: float = 1,
                 label_noise: float = 0,
                 seed: int = 0,
                 **kwargs) -> None:
        for name, value, allowed in (('split', split, SPLITS),
                                     ('task', task, ('recognition',
                                                     'retrieval')),
                                     ('classes', classes, ('train', 'other'))):
            if value not in allowed:
                raise ValueError(f'{name} must be one of {list(allowed)}, but '
                                 f'is {value!r}.')
        _check_numbers(num_faces, samples_per_class, imbalance,
                       label_noise, seed)
        if task == 'retrieval':
            _check_retrieval(
                split, dict(
                    classes=classes != 'train',
                    num_faces=num_faces is not None,
                    samples_per_class=samples_per_class is not None,
                    imbalance=imbalance != 1,
                    label_noise=label_noise != 0))
        self.split = split
        self.task = task
        self.character_split = classes
        self.num_faces = num_faces
        self.samples_per_class = samples_per_class
        self.imbalance = imbalance
        self.label_noise = label_noise
        self.seed = seed
        kwargs.setdefault('ann_file', '')
        super().__init__(
            data_root=osp.expanduser(data_root),
            serialize_data=False,
            **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the samples, sorted by class and face."""
        folder = LettersFolder.read(self.data_root)
        classes_of, faces_of = (
            folder.facts[name] for name in ('classes_of', 'faces_of'))
        faces = faces_of[self.split]
        if self.task == 'retrieval':
            classes = sorted(classes_of['unseen'])
            rows, is_query = select_for_retrieval(folder.labels, classes,
                                                  faces)
            infos = [
                dict(gt_label=label, camera_id=face, is_query=query)
                for (label, face), query in zip(folder.labels[rows].tolist(),
                                                is_query.tolist())
            ]
        else:
            classes = sorted(classes_of[self.character_split])
            if not classes:
                raise ValueError(
                    f'{self.data_root} has no other classes than those for '
                    'training and retrieval.')
            if self.num_faces is not None and self.num_faces > len(faces):
                raise ValueError(
                    f'num_faces={self.num_faces}, but the {self.split} split '
                    f'of {self.data_root} has {len(faces)} faces.')
            rows, targets = select_for_recognition(
                folder.labels, classes, faces[:self.num_faces],
                self.samples_per_class, self.imbalance, self.label_noise,
                self.seed)
            found = len(np.unique(folder.labels[rows, 0]))
            if (self.split == 'train' and found < len(classes)
                    and is_main_process()):
                print_log(
                    f'{len(classes) - found:,} of {len(classes):,} classes of '
                    f'{self.data_root} have no training sample, since none of '
                    'the training faces that are used has them.',
                    logger='current',
                    level=logging.WARNING)
            infos = [dict(gt_label=label) for label in targets.tolist()]
            self._metainfo['classes'] = tuple(
                folder.facts['classes'][label] for label in classes)
        images = folder.images[rows]
        return [dict(info, img=img) for info, img in zip(infos, images)]

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return a sample; the image is a copy.

        BaseDataset's own method takes ten times as long, with a deep copy.
        """
        info = self.data_list[idx].copy()
        info['img'] = info['img'].copy()
        info['sample_idx'] = idx if idx >= 0 else len(self) + idx
        return info

    @force_full_init
    def get_gt_labels(self) -> np.ndarray:
        """Return all labels, (N, ), int64."""
        return np.array([info['gt_label'] for info in self.data_list])

    def extra_repr(self) -> List[str]:
        """Return additional lines for the string form of the data set."""
        return [
            f'Root of data: \t{self.data_root}', f'Split: \t{self.split}',
            f'Task: \t{self.task}'
        ]


def _check_numbers(num_faces, samples_per_class, imbalance, label_noise,
                   seed) -> None:
    for name, value, least in (('num_faces', num_faces, 1),
                               ('samples_per_class', samples_per_class, 1),
                               ('seed', seed, 0)):
        if value is None and name != 'seed':
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f'{name} must be an int, but is {value!r}.')
        if value < least:
            raise ValueError(f'{name} must be at least {least}, but is '
                             f'{value}.')
    for name, value in dict(
            imbalance=imbalance, label_noise=label_noise).items():
        if not isinstance(value, (int, float)):
            raise TypeError(f'{name} must be a number, but is {value!r}.')
    if not imbalance >= 1:
        raise ValueError(f'imbalance must be at least 1, but is {imbalance}.')
    if not 0 <= label_noise < 1:
        raise ValueError('label_noise must be at least 0 and less than 1, but '
                         f'is {label_noise}.')


def _check_retrieval(split: str, changed: Dict[str, bool]) -> None:
    if split == 'train':
        raise ValueError('For retrieval, split must be "val" or "test", since '
                         'its faces are not those of training.')
    names = [name for name, is_changed in changed.items() if is_changed]
    if names:
        raise ValueError(f'{", ".join(names)} is for recognition only; '
                         'retrieval uses all drawings of the unseen classes.')
