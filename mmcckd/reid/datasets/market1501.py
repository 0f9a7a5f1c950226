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
NAME = re.compile(r'(-1|\d+)_c(\d+)')
EXAMPLE = '0002_c1s1_000451_03.jpg'
JUNK, DISTRACTOR = -1, 0
IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.ppm', '.pgm', '.tif', '.tiff',
          '.webp')


@DATASETS.register_module()
class Market1501(ReIDDataset):
    """Market-1501 (Zheng et al., ICCV 2015).

    751 persons to train on, 12,936 images, and 750 for the test, 3,368
    queries and 15,913 images in the gallery, by 6 cameras. Person and camera
    are in the names of the files: 0002_c1… is person 2, camera 1.

    In the gallery are detections of nobody that is searched, person 0, which
    stay there as distractors, and bad ones, person −1, which are left out.

    An image of the same name may be a .jpg, as the archive's are, or a .jpeg,
    .png, .bmp, .ppm, .pgm, .tif, .tiff or .webp, in lower or upper case.
    Whatever else a folder holds is left out with a warning that counts and
    names it; only hidden files and the archive's Thumbs.db are passed over in
    silence.

    See :class:`ReIDDataset` for what a sample has.

    Args:
        data_root (str): The folder that has bounding_box_train, query and
            bounding_box_test in it, or the archive's one around them,
            Market-1501-v15.09.15.
        split (str): "train" or "test". Defaults to "train".
        **kwargs: ``pipeline`` and the other arguments of
            :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If the name of an image does not tell its person and
            camera, there are distractors or junk to train on, which is so if
            train and test are swapped, or as :class:`ReIDDataset` says.
    """

    TOY_NAME = 'market1501'
    LAYOUT = f'''\
  {{root}}/ (or {{root}}/{ARCHIVE_FOLDER}/)
    bounding_box_train/
      {EXAMPLE}, …
    bounding_box_test/
    query/'''

    def read(self, part: str) -> List[PersonImage]:
        """The images of a part, by the order of their names."""
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
                f'{folder} has {len(wrong):,} images whose names do not tell '
                f'person and camera, as {EXAMPLE} tells person 2 and camera '
                f'1: {first_names(wrong)}. Rename them, or take them out.')
        if part == 'train':
            self._check_nobody_is_unknown(images, folder)
        kept = [image for image in images if image.person != JUNK]
        if len(kept) < len(images):
            print_log(
                f'{folder}: {len(images) - len(kept):,} of {len(images):,} '
                'images are of person -1, bad detections, and left out.',
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
                f'{folder} has {len(unknown):,} images of person -1 or 0, who '
                f'is only in {FOLDERS["gallery"]}: {first_names(unknown)}. If '
                'the folders of train and test are swapped, swap them back.')


def _image_names(folder: str) -> List[str]:
    """The images of a folder, sorted; a warning counts what is left out."""
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
        _warn(f'{folder}: {len(others):,} entries are left out, since they '
              f'are no images by their extension: {first_names(others)}. '
              f'Images are {", ".join(IMAGES)}, in lower or upper case.')
    if again:
        _warn(f'{folder}: {len(again):,} images are left out, since there is '
              'one of the same name with another extension: '
              f'{first_names(again)}.')
    return images


def _warn(text: str) -> None:
    print_log(text, logger='current', level=logging.WARNING)
