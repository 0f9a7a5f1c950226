import os
import os.path as osp
from abc import abstractmethod
from typing import List, NamedTuple

from mmpretrain.datasets import BaseDataset

from mmcckd.name_lists import first_names


class PersonImage(NamedTuple):
    """An image as its data set describes it.

    Attributes:
        path (str): Of the file.
        person (int): Number of the person, in the data set.
        camera (int): Number of the camera.
    """
    path: str
    person: int
    camera: int


class ReIDDataset(BaseDataset):
    """Images of persons, to learn from or to search.

    A sample of the training split gives the pipeline ``img_path``,
    ``gt_label``, an int, the person counted from 0 without gaps, and
    ``camera_id``, an int. ``metainfo['classes']`` has the data set's own
    numbers of the persons, as text.

    The test split is the queries, and after them the gallery. A sample of it
    has ``is_query`` besides, a bool, and its ``gt_label`` is the data set's
    own number. The persons of the two splits are different people, even where
    they have the same numbers.

    A subclass says by :meth:`read` which images there are.

    Args:
        data_root (str): The folder that has the data set in it.
        split (str): "train" or "test". Defaults to "train".
        **kwargs: ``pipeline`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a folder or a file is missing.
        ValueError: If the split is unknown, there are no images to train on,
            no queries, no gallery, or nobody of the queries in the gallery.
    """

    # For messages: what data_root holds, and what make_toy_dataset.py calls
    # the data set.
    LAYOUT: str
    TOY_NAME: str

    def __init__(self,
                 data_root: str,
                 split: str = 'train',
                 **kwargs) -> None:
        if split not in ('train', 'test'):
            raise ValueError('split must be "train" or "test", the latter for '
                             f'query and gallery, but is {split!r}.')
        self.split = split
        kwargs.setdefault('ann_file', '')
        super().__init__(data_root=osp.expanduser(data_root), **kwargs)

    @abstractmethod
    def read(self, part: str) -> List[PersonImage]:
        """The images of a part, which is "train", "query" or "gallery"."""

    def load_data_list(self) -> List[dict]:
        """The samples of the split, in the order of :meth:`read`."""
        if self.split == 'train':
            images = self._read_some('train')
            persons = sorted({image.person for image in images})
            label_of = {person: i for i, person in enumerate(persons)}
            self._metainfo['classes'] = tuple(f'{p:04d}' for p in persons)
            return [
                dict(
                    img_path=image.path,
                    gt_label=label_of[image.person],
                    camera_id=image.camera) for image in images
            ]
        query, gallery = map(self._read_some, ('query', 'gallery'))
        if not {i.person for i in query} & {i.person for i in gallery}:
            raise ValueError(
                f'Nobody of the {len(query):,} queries, such as '
                f'{query[0].path}, is in the gallery, {len(gallery):,} images '
                f'such as {gallery[0].path}; if the folders of train and test '
                'are swapped, swap them back.')
        return [
            dict(
                img_path=image.path,
                gt_label=image.person,
                camera_id=image.camera,
                is_query=images is query) for images in (query, gallery)
            for image in images
        ]

    def extra_repr(self) -> List[str]:
        """Lines about the split for the dataset's printed form."""
        return [f'Root of data: \t{self.data_root}', f'Split: \t{self.split}']

    def _read_some(self, part: str) -> List[PersonImage]:
        images = self.read(part)
        if not images:
            raise ValueError(f'There is no image of the {part} part at '
                             f'data_root={self.data_root!r}.\n{self._advice}')
        return images

    def _not_found(self, path: str) -> FileNotFoundError:
        """The error for a file or folder that the layout asks for."""
        found = 'there is no such folder'
        if osp.isdir(self.data_root or '.'):
            parent = osp.dirname(path) or '.'
            found = f'there is no {path}; {parent} has ' + (
                first_names(sorted(os.listdir(parent)), 6) or 'nothing in it')
        return FileNotFoundError(
            f'No {type(self).__name__} that can be read at '
            f'data_root={self.data_root!r}: {found}.\n{self._advice}')

    @property
    def _advice(self) -> str:
        layout = self.LAYOUT.format(root=self.data_root.rstrip('/') or '.')
        return (f'Expected:\n{layout}\n'
                'Set the data_root of each data set, as by --cfg-options '
                'train_dataloader.dataset.data_root=FOLDER, or make toy data '
                f'by\n  python tools/make_toy_dataset.py {self.TOY_NAME} '
                'FOLDER')
