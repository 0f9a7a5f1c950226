import os
import os.path as osp
import re
from collections import Counter
from typing import Dict, List, Set, Tuple

from mmengine.registry import DATASETS

from mmcckd.name_lists import first_names

from .reid_dataset import PersonImage, ReIDDataset

# The folders of train and test in V1 and V2, and folders around them.
FOLDERS = (('train', 'test'), ('mask_train_v2', 'mask_test_v2'))
INNER_ROOTS = ('', 'MSMT17_V1', 'MSMT17_V2')
# Numbers of persons in the real data set.
NUM_PERSONS = dict(train=1041, test=3060)

LINE = re.compile(r'((\d{1,9})/[^/\s]+)\s+(\d{1,9})', re.ASCII)
CAMERA = re.compile(r'\d+_\d+_(\d{1,9})_', re.ASCII)
EXAMPLE = '0000/0000_000_01_0303morning_0008_0.jpg 0'


@DATASETS.register_module()
class MSMT17(ReIDDataset):
    """MSMT17 (Wei et al., CVPR 2018), V1, or V2 with blurred faces.

    The training split has 1,041 persons; the list ``train`` has 30,248 images
    and ``train+val`` 32,621. The test split has 11,659 queries of 3,060 other
    persons, and a gallery of 82,161 images. List files determine which images
    belong to which part. The file names contain the number of the camera, 1
    to 15.

    See :class:`ReIDDataset` for the contents of a sample.

    Example:
        >>> train_dataloader = dict(
        ...     batch_size=64,
        ...     sampler=dict(type='DefaultSampler', shuffle=True),
        ...     batch_sampler=dict(type='CURSampler', samples_per_class=4),
        ...     dataset=dict(type='MSMT17', data_root='data/msmt17', ...))

    Args:
        data_root (str): Folder that contains MSMT17_V1 or MSMT17_V2, or the
            folders and list files of one of these.
        split (str): "train" or "test". Defaults to "train".
        train_on (str): "train" or "train+val", the list files of the training
            images. Defaults to "train", as in the published results of
            fast-reid and torchreid. Other publications use both lists.
        **kwargs: ``pipeline`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a folder, a list file, or an image in a list
            file is missing.
        ValueError: If an argument is unknown, both versions exist, a line of
            a list file is malformed or contradictory, an image is listed more
            than once, a file name does not contain the camera, train and test
            are swapped, or in the cases of :class:`ReIDDataset`.
    """

    TOY_NAME = 'msmt17'
    LAYOUT = f'''\
  {{root}}/
    MSMT17_V1/ (or MSMT17_V2/, or their contents without this folder)
      train/ (in V2 mask_train_v2/)
        0000/
          0000_000_01_0303morning_0008_0.jpg, …
      test/ (in V2 mask_test_v2/)
      list_train.txt, list_val.txt, list_query.txt, list_gallery.txt
        (lines like "{EXAMPLE}")'''

    def __init__(self,
                 data_root: str,
                 split: str = 'train',
                 train_on: str = 'train',
                 **kwargs) -> None:
        if train_on not in ('train', 'train+val'):
            raise ValueError('train_on must be "train" or "train+val", but is '
                             f'{train_on!r}.')
        self.train_on = train_on
        super().__init__(data_root, split, **kwargs)

    def read(self, part: str) -> List[PersonImage]:
        """Return the images of a part, in the order of its list files."""
        root, train, test = self._find_version()
        folder, other = (train, test) if part == 'train' else (test, train)
        lists = self.train_on.split('+') if part == 'train' else [part]
        images: List[PersonImage] = []
        for name in lists:
            path = osp.join(root, f'list_{name}.txt')
            if not osp.isfile(path):
                raise self._not_found(path)
            listed = _read_list(path)
            _check_images_exist(listed, path, folder, other)
            images += [
                image._replace(path=osp.join(folder, image.path))
                for image in listed
            ]
        _check_images_differ(images, ' and '.join(
            osp.join(root, f'list_{name}.txt') for name in lists))
        self._check_number_of_persons(images)
        return images

    def extra_repr(self) -> List[str]:
        """Lines about the split for the string representation."""
        return super().extra_repr() + [f'Trained on: \t{self.train_on}'] * (
            self.split == 'train')

    def _find_version(self) -> Tuple[str, str, str]:
        """The folders of the list files, of train and of test."""
        found = []
        for inner in INNER_ROOTS:
            root = osp.join(self.data_root, inner) if inner else self.data_root
            for names in FOLDERS:
                folders = [osp.join(root, name) for name in names]
                if any(map(osp.isdir, folders)):
                    found.append((root, *folders))
        if not found:
            raise self._not_found(osp.join(self.data_root, 'MSMT17_V1'))
        if len(found) > 1:
            both = ' and '.join(train for _, train, _ in found)
            raise ValueError(
                f'There is more than one MSMT17 at data_root='
                f'{self.data_root!r}: {both}. Give the data_root of one of '
                'them, or move the other.')
        for folder in found[0][1:]:
            if not osp.isdir(folder):
                raise self._not_found(folder)
        return found[0]

    def _check_number_of_persons(self, images: List[PersonImage]) -> None:
        """Check whether train and test are swapped, in folders and lists."""
        other, = {'train', 'test'} - {self.split}
        if len({image.person for image in images}) == NUM_PERSONS[other]:
            raise ValueError(
                f'The {self.split} split at data_root={self.data_root!r} has '
                f'{NUM_PERSONS[other]:,} persons, which is the number of the '
                f'{other} split of MSMT17, instead of '
                f'{NUM_PERSONS[self.split]:,}: folders and lists of train and '
                'test are swapped. Rename them.')


def _read_list(path: str) -> List[PersonImage]:
    """The images of a list file, with relative paths as in the file."""
    images = []
    with open(path, encoding='utf-8', errors='replace') as file:
        for number, line in enumerate(map(str.strip, file), 1):
            if not line:
                continue
            where = f'Line {number} of {path}, {line!r},'
            match = LINE.fullmatch(line)
            if match is None:
                raise ValueError(
                    f'{where} is not a path, a space and the number of the '
                    f'person, such as "{EXAMPLE}".')
            name, folder, person = match.groups()
            if int(folder) != int(person):
                raise ValueError(
                    f'{where} is for person {person}, but the image is in '
                    f'the folder of person {folder}.')
            camera = CAMERA.match(osp.basename(name))
            if camera is None:
                raise ValueError(
                    f'{where} does not contain the camera, which should be '
                    'the third number in the file name, such as 01 in '
                    f'"{EXAMPLE}".')
            images.append(PersonImage(name, int(person), int(camera[1])))
    return images


def _check_images_exist(images: List[PersonImage], path: str, folder: str,
                        other: str) -> None:
    missing = _missing(images, folder)
    if not missing:
        return
    elsewhere = len(missing) - len(_missing(missing, other))
    advice = 'Unpack the data set again.'
    if elsewhere > len(images) / 2:  # a few names may be in both
        advice = (f'{elsewhere:,} of them are in {other}: folders or lists of '
                  'train and test are swapped. Rename them.')
    raise FileNotFoundError(
        f'{path} names {len(images):,} images, of which {len(missing):,} are '
        f'not in {folder}: {first_names([image.path for image in missing])}. '
        f'{advice}')


def _check_images_differ(images: List[PersonImage], lists: str) -> None:
    counts = Counter(image.path for image in images)
    again = [path for path, count in counts.items() if count > 1]
    if again:
        raise ValueError(
            f'{lists}: {len(again):,} of {len(counts):,} images are listed '
            f'more than once: {first_names(again)}. Remove the lines that '
            'are repeated.')


def _missing(images: List[PersonImage], folder: str) -> List[PersonImage]:
    """The images whose files do not exist. Listing each folder once is faster
    than checking each of 126,441 files."""
    files: Dict[str, Set[str]] = {}
    missing = []
    for image in images:
        inner, name = osp.split(image.path)
        if inner not in files:
            inner_path = osp.join(folder, inner)
            files[inner] = set(
                os.listdir(inner_path) if osp.isdir(inner_path) else ())
        if name not in files[inner]:
            missing.append(image)
    return missing
