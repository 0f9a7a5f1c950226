import os
import os.path as osp
import re
from typing import List

from mmengine.registry import DATASETS

from mmcckd.messages import some

from .reid_dataset import PersonImage, ReIDDataset

FOLDERS = dict(
    train='bounding_box_train', query='query', gallery='bounding_box_test')
ARCHIVE_FOLDER = 'Market-1501-v15.09.15'
NAME = re.compile(r'(-1|\d+)_c(\d+)')
EXAMPLE = '0002_c1s1_000451_03.jpg'
JUNK, DISTRACTOR = -1, 0


@DATASETS.register_module()
class Market1501(ReIDDataset):
    """Market-1501 (Zheng et al., ICCV 2015).

    751 persons to train on, 12,936 images, and 750 for the test, 3,368
    queries and 15,913 images in the gallery, by 6 cameras. Person and camera
    are in the names of the files: 0002_c1… is person 2, camera 1.

    In the gallery are detections of nobody that is searched, person 0, which
    stay there as distractors, and bad ones, person −1, which are left out.

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
        for name in sorted(os.listdir(folder)):
            # Other files are the archive's Thumbs.db, and hidden ones.
            if not name.endswith('.jpg') or name.startswith('.'):
                continue
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
                f'1: {some(wrong)}. Rename them, or take them out.')
        if part == 'train':
            self._check_nobody_is_unknown(images, folder)
        return [image for image in images if image.person != JUNK]

    def _check_nobody_is_unknown(self, images: List[PersonImage],
                                 folder: str) -> None:
        unknown = [
            osp.basename(image.path) for image in images
            if image.person in (JUNK, DISTRACTOR)
        ]
        if unknown:
            raise ValueError(
                f'{folder} has {len(unknown):,} images of person -1 or 0, who '
                f'is only in {FOLDERS["gallery"]}: {some(unknown)}. If the '
                'folders of train and test are swapped, swap them back.')
