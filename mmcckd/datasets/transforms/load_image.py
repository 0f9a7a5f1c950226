import io
from typing import Optional

import mmcv
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.registry import TRANSFORMS
from PIL import Image

JPEG_BEGIN, JPEG_END = b'\xff\xd8', b'\xff\xd9'


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's ``LoadImageFromFile``, with errors that name the image.

    What mmcv says of a file that is no image depends on the decoder, and
    mostly lacks the path. Of a truncated JPEG, OpenCV before 4.12 makes an
    image, and fills up what is missing. Here either is an error. All other
    images are loaded as by mmcv.

    A sample that has its ``img`` is left as it is: MMPretrain's inferencers
    read images themselves, and take only mmcv's transform out of a pipeline.

    Args:
        to_float32 (bool): Whether to give float32 in place of uint8. Defaults
            to False.
        color_type (str): As :func:`mmcv.imfrombytes` takes it. Defaults to
            "color".
        imdecode_backend (str): "cv2", "pillow" or another of mmcv's. Defaults
            to "cv2".
        backend_args (dict, optional): Where files are that are not on a disk,
            as :func:`mmengine.fileio.get` takes it.

    Raises:
        ValueError: If the image cannot be read. The message has its path, its
            index in the data set, and what the decoder said.
    """

    def __init__(self,
                 to_float32: bool = False,
                 color_type: str = 'color',
                 imdecode_backend: str = 'cv2',
                 backend_args: Optional[dict] = None) -> None:
        super().__init__(
            to_float32, color_type, imdecode_backend,
            backend_args=backend_args)

    def transform(self, results: dict) -> dict:
        """Add ``img``, (h, w, 3) for colour, BGR, and ``img_shape`` and
        ``ori_shape``, (h, w), of the image at ``img_path``."""
        if 'img' in results:
            return results
        path = results['img_path']
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            _check_jpeg_is_whole(content)
            image = mmcv.imfrombytes(
                content, flag=self.color_type, backend=self.imdecode_backend)
            if image is None:
                raise ValueError('no image in it')
        except Exception as error:  # each decoder raises its own
            raise ValueError(
                f'Cannot read the image {path}, no. '
                f'{results.get("sample_idx")} of the data set: '
                f'{type(error).__name__}: {error}. If the file is damaged, '
                'copy or download it again, or take it out of the data set.'
            ) from error
        if self.to_float32:
            image = image.astype(np.float32)
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


def _check_jpeg_is_whole(content: bytes) -> None:
    """Raise if a JPEG is truncated; costs nothing if it has an end."""
    if content.startswith(JPEG_BEGIN) and JPEG_END not in content[-1024:]:
        # Or there is much after the end, which Pillow finds and raises if not.
        with Image.open(io.BytesIO(content)) as image:
            image.load()
