import os.path as osp
from typing import List, Optional, Sequence

import numpy as np
from torch.utils.data import Dataset

from mmcckd.datasets.wrappers import gather
from mmcckd.name_lists import first_names

NEEDED = ('gt_label', 'camera_id', 'is_query')
MAX_NAMED = 5


class ReIDTestSet:
    """Query and gallery of a data set.

    Queries and gallery entries are both numbered from 0, in the order of the
    data set.

    Args:
        dataset (Dataset): A data set whose samples have ``gt_label``,
            ``camera_id`` and ``is_query``, such as the test split of
            :class:`~mmcckd.reid.MSMT17`.

    Attributes:
        paths (List[str]): Paths of all N images. Those that are not files are
            called "sample 0" and so on.
        ids (np.ndarray): The person in each image, (N, ), int64.
        cameras (np.ndarray): The camera of each image, (N, ), int64.
        query (np.ndarray): Indices of the queries in the data set, (Q, ).
        gallery (np.ndarray): Indices of the gallery entries, (G, ).

    Raises:
        ValueError: If samples lack one of these keys, or there are no queries
            or no gallery.
    """

    def __init__(self, dataset: Dataset) -> None:
        infos = gather(dataset, _infos).tolist()
        missing = [key for key in NEEDED if infos and key not in infos[0]]
        if missing:
            raise ValueError(
                f'Samples of {type(dataset).__name__} lack '
                f'{", ".join(missing)}. Give a config with a test set for '
                're-identification, such as MSMT17 with split="test".')
        self.paths: List[str] = [
            info.get('img_path', f'sample {i}') for i, info in enumerate(infos)
        ]
        self.ids = np.array([info['gt_label'] for info in infos], np.int64)
        self.cameras = np.array([info['camera_id'] for info in infos],
                                np.int64)
        is_query = np.array([info['is_query'] for info in infos], bool)
        self.query = np.flatnonzero(is_query)
        self.gallery = np.flatnonzero(~is_query)
        if not len(self.query) or not len(self.gallery):
            raise ValueError(
                f'The test set has {len(self.query):,} queries and '
                f'{len(self.gallery):,} gallery entries. Both are needed.')

    def choose(self,
               number: Optional[int] = None,
               ids: Sequence[int] = (),
               images: Sequence[str] = (),
               seed: int = 0) -> np.ndarray:
        """Select queries, at random if there are more than ``number``.

        Args:
            number (int, optional): Maximum number of queries. Defaults to
                None, which means no maximum.
            ids (Sequence[int]): Select from the queries of these persons, and
                from ``images``. Without both, select from all queries.
            images (Sequence[str]): Select from these images, given by their
                paths, or the last parts of their paths.
            seed (int): Random seed of the selection. Defaults to 0.

        Returns:
            np.ndarray: Numbers of the selected queries, in the order of the
            data set, (n, ), int64.

        Raises:
            ValueError: If there is no query of a person, or an image is not a
                query.
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
        """Check that another test set has the same images in the same order.

        Args:
            other (ReIDTestSet): The other test set.
            whose (str): Name of the model with this test set, for messages.
            others (str): Name of the model with the other test set.

        Raises:
            ValueError: If the test sets differ.
        """
        mine, theirs = self._described(), other._described()
        if mine == theirs:
            return
        where = next((f'image {i} is {a[0]} and {b[0]}, respectively'
                      for i, (a, b) in enumerate(zip(mine, theirs))
                      if a != b), 'the first images are the same')
        raise ValueError(
            f'{whose} and {others} have different test sets, with '
            f'{len(self.query):,} + {len(self.gallery):,} and '
            f'{len(other.query):,} + {len(other.gallery):,} images; {where}. '
            'Only models with the same test set can be compared.')

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
                f'There is no query of person {person}. There are queries of '
                f'{len(persons):,} persons: '
                f'{first_names(persons, MAX_NAMED)}.')
        return queries

    def _of_image(self, name: str) -> np.ndarray:
        found = [
            q for q, i in enumerate(self.query) if _names(name, self.paths[i])
        ]
        if not found:
            known = any(_names(name, self.paths[i]) for i in self.gallery)
            where = 'but in the gallery' if known else 'nor in the gallery'
            names = [osp.basename(self.paths[i])
                     for i in self.query[:MAX_NAMED + 1]]
            raise ValueError(f'{name} is not a query, {where}. Queries are '
                             f'{first_names(names, MAX_NAMED)}.')
        return np.array(found)


def _infos(dataset: Dataset, _: str) -> np.ndarray:
    infos = np.empty(len(dataset), object)
    infos[:] = [dataset.get_data_info(i) for i in range(len(dataset))]
    return infos


def _names(name: str, path: str) -> bool:
    """Whether a name is a path, or the last parts of it."""
    return f'/{path}'.endswith(f'/{osp.normpath(name).lstrip("/")}')
