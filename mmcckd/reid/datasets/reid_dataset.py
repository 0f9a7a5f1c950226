import os
import os.path as osp
from abc import abstractmethod
from typing import List, NamedTuple

from mmpretrain.datasets import BaseDataset

from mmcckd.name_lists import first_names


class PersonImage(NamedTuple):
    """An image of a data set.

    Attributes:
        path (str): Path of the file.
        person (int): Number of the person in the data set.
        camera (int): Number of the camera.
    """
    path: str
    person: int
    camera: int


class ReIDDataset(BaseDataset):
    """Base class of data sets for person re-identification.

    A sample of the training split has ``img_path``, ``gt_label`` (int, the
    index of the person, from 0 without gaps) and ``camera_id`` (int).
    ``metainfo['classes']`` has the numbers of the persons in the data set, as
    strings.

    The test split contains the queries, followed by the gallery. Its samples
    also have ``is_query`` (bool), and their ``gt_label`` is the number of the
    person in the data set. The persons of the two splits are different, even
    if they have the same numbers.

    Subclasses implement :meth:`read`, which returns the images.

    Args:
        data_root (str): Folder of the data set.
        split (str): "train" or "test". Defaults to "train".
        **kwargs: ``pipeline`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a folder or a file is missing.
        ValueError: If the split is unknown, there are no training images, no
            queries or no gallery, or no person of the queries is in the
            gallery.
    """

    # For messages: the contents of data_root, and the name of the data set in
    # tools/make_toy_dataset.py.
    LAYOUT: str
    TOY_NAME: str

    # What JoinedReIDDataset adds to labels and cameras of the training split.
    first_label = 0
    camera_offset = 0

    def __init__(self,
                 data_root: str,
                 split: str = 'train',
                 **kwargs) -> None:
        if split not in ('train', 'test'):
            raise ValueError('split must be "train" or "test" (which has '
                             f'query and gallery), but is {split!r}.')
        self.split = split
        kwargs.setdefault('ann_file', '')
        super().__init__(data_root=osp.expanduser(data_root), **kwargs)

    @abstractmethod
    def read(self, part: str) -> List[PersonImage]:
        """Return the images of a part: "train", "query" or "gallery"."""

    def load_data_list(self) -> List[dict]:
        """Return the samples of the split, in the order of :meth:`read`."""
        if self.split == 'train':
            images = self._read_some('train')
            persons = sorted({image.person for image in images})
            label_of = {
                person: label
                for label, person in enumerate(persons, self.first_label)
            }
            self._metainfo['classes'] = tuple(f'{p:04d}' for p in persons)
            return [
                dict(
                    img_path=image.path,
                    gt_label=label_of[image.person],
                    camera_id=image.camera + self.camera_offset)
                for image in images
            ]
        query, gallery = map(self._read_some, ('query', 'gallery'))
        if not {i.person for i in query} & {i.person for i in gallery}:
            raise ValueError(
                f'No person of the {len(query):,} queries, such as '
                f'{query[0].path}, is in the gallery, which has '
                f'{len(gallery):,} images, such as {gallery[0].path}. If the '
                'folders of train and test are swapped, swap them back.')
        return [
            dict(
                img_path=image.path,
                gt_label=image.person,
                camera_id=image.camera,
                is_query=images is query) for images in (query, gallery)
            for image in images
        ]

    def extra_repr(self) -> List[str]:
        """Lines about the split for the string representation."""
        return [f'Root of data: \t{self.data_root}', f'Split: \t{self.split}']

    def _read_some(self, part: str) -> List[PersonImage]:
        images = self.read(part)
        if not images:
            raise ValueError(f'There is no image of the {part} part at '
                             f'data_root={self.data_root!r}.\n{self._advice}')
        return images

    def _not_found(self, path: str) -> FileNotFoundError:
        """The error for a file or folder of the layout that is missing."""
        found = 'there is no such folder'
        if osp.isdir(self.data_root or '.'):
            parent = osp.dirname(path) or '.'
            found = f'there is no {path}; {parent} has ' + (
                first_names(sorted(os.listdir(parent)), 6) or 'no entries')
        return FileNotFoundError(
            f'{type(self).__name__} cannot be read from '
            f'data_root={self.data_root!r}: {found}.\n{self._advice}')

    @property
    def _advice(self) -> str:
        layout = self.LAYOUT.format(root=self.data_root.rstrip('/') or '.')
        return (f'Expected:\n{layout}\n'
                'Set the data_root of each data set, such as with '
                '--cfg-options train_dataloader.dataset.data_root=FOLDER, or '
                'make toy data with\n  python tools/make_toy_dataset.py '
                f'{self.TOY_NAME} FOLDER')
