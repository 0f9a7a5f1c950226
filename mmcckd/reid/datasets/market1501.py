import logging
import os
import os.path as osp
import re
from typing import List

from mmengine.logging import print_log
from mmengine.registry import DATASETS

from mmcckd.name_lists import first_names

from .reid_dataset import PersonImage, ReIDDataset

FOLDERS = dict(
    train='bounding_box_train', query='query', gallery='bounding_box_test')
ARCHIVE_FOLDER = 'Market-1501-v15.09.15'
NAME = re.compile(r'(-1|\d{1,9})_c(\d{1,9})(?!\d)', re.ASCII)
EXAMPLE = '0002_c1s1_000451_03.jpg'
JUNK, DISTRACTOR = -1, 0
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.pgm', '.tif', '.tiff',
          '.webp')


@DATASETS.register_module()
class Market1501(ReIDDataset):
    """Market-1501 (Zheng et al., ICCV 2015).

    The training split has 12,936 images of 751 persons. The test split has
    3,368 queries of 750 other persons, and a gallery of 15,913 images. There
    are 6 cameras. The file names contain the person and the camera: 0002_c1…
    is person 2, camera 1.

    The gallery also contains detections of persons that are not searched for
    (person 0), which are kept as distractors, and bad detections (person −1),
    which are left out.

    The extension of an image may be .jpg, as in the archive, .jpeg, .png,
    .bmp, .ppm, .pgm, .tif, .tiff or .webp, in lower or upper case. Other
    files are left out, and a warning gives their number and names. Hidden
    files and the Thumbs.db of the archive are ignored without a warning.

    See :class:`ReIDDataset` for the contents of a sample.

    Args:
        data_root (str): Folder that contains bounding_box_train, query and
            bounding_box_test, or the folder of the archive,
            Market-1501-v15.09.15, around them.
        split (str): "train" or "test". Defaults to "train".
        **kwargs: ``pipeline`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If the name of an image does not contain its person and
            camera, training images or queries contain person 0 or −1, which
            is the case if folders are swapped, or in the cases of
            :class:`ReIDDataset`.
    """

    TOY_NAME = 'market1501'
    LAYOUT = f'''\
  {{root}}/ (or {{root}}/{ARCHIVE_FOLDER}/)
    bounding_box_train/
      {EXAMPLE}, …
    bounding_box_test/
    query/'''

    def read(self, part: str) -> List[PersonImage]:
        """Return the images of a part, sorted by name."""
        root = osp.join(self.data_root, ARCHIVE_FOLDER)
        if not osp.isdir(root):
            root = self.data_root
        folder = osp.join(root, FOLDERS[part])
        if not osp.isdir(folder):
            raise self._not_found(folder)
        images, wrong = [], []
        for name in _image_names(folder):
            match = NAME.match(name)
            if match is None:
                wrong.append(name)
                continue
            person, camera = map(int, match.groups())
            images.append(PersonImage(osp.join(folder, name), person, camera))
        if wrong:
            raise ValueError(
                f'{folder} has {len(wrong):,} images whose names do not '
                f'contain person and camera, as in {EXAMPLE} for person 2 and '
                f'camera 1: {first_names(wrong)}. Rename or remove them.')
        if part != 'gallery':
            self._check_nobody_is_unknown(images, folder)
        kept = [image for image in images if image.person != JUNK]
        if len(kept) < len(images):
            print_log(
                f'{folder}: {len(images) - len(kept):,} of {len(images):,} '
                'images are left out, since they are bad detections (person '
                '-1).',
                logger='current')
        return kept

    def _check_nobody_is_unknown(self, images: List[PersonImage],
                                 folder: str) -> None:
        unknown = [
            osp.basename(image.path) for image in images
            if image.person in (JUNK, DISTRACTOR)
        ]
        if unknown:
            raise ValueError(
                f'{folder} has {len(unknown):,} images of person -1 or 0, '
                f'which belong to {FOLDERS["gallery"]} only: '
                f'{first_names(unknown)}. If the folders of train and test '
                'are swapped, swap them back.')


def _image_names(folder: str) -> List[str]:
    """The images of a folder, sorted by name. A warning lists other files."""
    names = sorted(
        name for name in os.listdir(folder)
        if not name.startswith('.') and name != 'Thumbs.db')
    images, others, again, stems = [], [], [], set()
    for name in names:
        stem, extension = osp.splitext(name)
        if extension.lower() not in IMAGES:
            others.append(name)
        elif stem in stems:
            again.append(name)
        else:
            images.append(name)
            stems.add(stem)
    if others:
        _warn(f'{folder}: {len(others):,} entries are left out, since their '
              f'extension is not that of an image: {first_names(others)}. '
              f'Allowed are {", ".join(IMAGES)}, in lower or upper case.')
    if again:
        _warn(f'{folder}: {len(again):,} images are left out, since there is '
              'one with the same name and another extension: '
              f'{first_names(again)}.')
    return images


def _warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
