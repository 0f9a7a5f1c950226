import os.path as osp
from typing import List, Optional, Sequence

import numpy as np
from torch.utils.data import Dataset

from mmcckd.name_lists import first_names

NEEDED = ('img_path', 'gt_label', 'camera_id', 'is_query')
MAX_NAMED = 5


class ReIDTestSet:
    """Query and gallery of a data set.

    Queries and gallery entries are numbered each from 0, in the order of the
    data set.

    Args:
        dataset (Dataset): Its samples have ``img_path``, ``gt_label``,
            ``camera_id`` and ``is_query``, as those of the test split of
            :class:`~mmcckd.reid.MSMT17`.

    Attributes:
        paths (List[str]): Of all images.
        ids (np.ndarray): The person in each, (N, ), int64.
        cameras (np.ndarray): (N, ), int64.
        query (np.ndarray): Where the queries are in the data set, (Q, ).
        gallery (np.ndarray): Where the gallery is, (G, ).

    Raises:
        ValueError: If samples lack one of these, or there are no queries or
            no gallery.
    """

    def __init__(self, dataset: Dataset) -> None:
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        missing = [key for key in NEEDED if infos and key not in infos[0]]
        if missing:
            raise ValueError(
                f'Samples of {type(dataset).__name__} lack '
                f'{", ".join(missing)}; give a config whose test set is one '
                'of re-identification, such as MSMT17 with split="test".')
        self.paths: List[str] = [info['img_path'] for info in infos]
        self.ids = np.array([info['gt_label'] for info in infos], np.int64)
        self.cameras = np.array([info['camera_id'] for info in infos],
                                np.int64)
        is_query = np.array([info['is_query'] for info in infos], bool)
        self.query = np.flatnonzero(is_query)
        self.gallery = np.flatnonzero(~is_query)
        if not len(self.query) or not len(self.gallery):
            raise ValueError(
                f'The test set has {len(self.query):,} queries and a gallery '
                f'of {len(self.gallery):,}; it needs both.')

    def choose(self,
               number: Optional[int] = None,
               ids: Sequence[int] = (),
               images: Sequence[str] = (),
               seed: int = 0) -> np.ndarray:
        """Choose queries, at random where there are more than asked for.

        Args:
            number (int, optional): How many. Defaults to None, all there are.
            ids (Sequence[int]): Choose among those of these persons.
            images (Sequence[str]): And among these images, given by their
                paths, or the last parts of these.
            seed (int): The same seed chooses the same. Defaults to 0.

        Returns:
            np.ndarray: Queries in the order of the data set, (n, ), int64.

        Raises:
            ValueError: If a person or an image is no query.
        """
        queries = np.arange(len(self.query))
        if len(ids) or len(images):
            queries = np.unique(
                np.concatenate([self._of_person(person) for person in ids] +
                               [self._of_image(name) for name in images]))
        if number is not None and number < len(queries):
            rng = np.random.default_rng(seed)
            queries = np.sort(rng.choice(queries, number, replace=False))
        return queries

    def check_same(self, other: 'ReIDTestSet', whose: str,
                   others: str) -> None:
        """Raise unless another test set has the same images, in order.

        Raises:
            ValueError: If it has not.
        """
        mine, theirs = self._described(), other._described()
        if mine == theirs:
            return
        where = next((f'image {i} is {a[0]} here, and {b[0]} there'
                      for i, (a, b) in enumerate(zip(mine, theirs))
                      if a != b), 'the first images agree')
        raise ValueError(
            f'{whose} and {others} have different test sets, of '
            f'{len(self.query):,} + {len(self.gallery):,} and '
            f'{len(other.query):,} + {len(other.gallery):,} images; {where}. '
            'Only models of one test set can be compared.')

    def _described(self) -> List[tuple]:
        is_query = np.isin(np.arange(len(self.paths)), self.query)
        return list(
            zip(map(osp.abspath, self.paths), self.ids.tolist(),
                self.cameras.tolist(), is_query.tolist()))

    def _of_person(self, person: int) -> np.ndarray:
        queries = np.flatnonzero(self.ids[self.query] == person)
        if not len(queries):
            persons = np.unique(self.ids[self.query])
            raise ValueError(
                f'There is no query of person {person}; queries are of '
                f'{len(persons):,} persons: '
                f'{first_names(persons, MAX_NAMED)}.')
        return queries

    def _of_image(self, name: str) -> np.ndarray:
        found = [
            q for q, i in enumerate(self.query) if _names(name, self.paths[i])
        ]
        if not found:
            known = any(_names(name, self.paths[i]) for i in self.gallery)
            where = 'but one of the gallery' if known else 'nor in the gallery'
            names = [osp.basename(self.paths[i])
                     for i in self.query[:MAX_NAMED + 1]]
            raise ValueError(f'{name} is no query, {where}; queries are '
                             f'{first_names(names, MAX_NAMED)}.')
        return np.array(found)


def _names(name: str, path: str) -> bool:
    """Whether it is the path, or the last parts of it."""
    return f'/{path}'.endswith(f'/{osp.normpath(name).lstrip("/")}')
