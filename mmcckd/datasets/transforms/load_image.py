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
    """Load an image as mmcv's ``LoadImageFromFile``, with better errors.

    If a file is not an image, the error of mmcv depends on the decoder, and
    often does not contain the path. For a truncated JPEG, OpenCV before 4.12
    returns an image in which the missing part is filled. This transform raises
    an error in both cases. All other images are loaded as with mmcv.

    A sample that already has ``img`` is not changed. This is needed for
    MMPretrain's inferencers, which read images themselves, and remove only
    mmcv's transform from a pipeline.

    Args:
        to_float32 (bool): Whether to convert the image to float32; otherwise,
            it is uint8. Defaults to False.
        color_type (str): The ``flag`` of :func:`mmcv.imfrombytes`. Defaults
            to "color".
        imdecode_backend (str): "cv2", "pillow" or another decoder of mmcv.
            "turbojpeg" needs PyTurboJPEG, and decodes only JPEG files, without
            rotating them as their Exif data say; it is not faster than "cv2".
            Defaults to "cv2".
        backend_args (dict, optional): Storage backend of the files, see
            :func:`mmengine.fileio.get`. Defaults to None.

    Raises:
        ImportError: If the decoder is not installed.
        ValueError: If the image cannot be read. The message contains its
            path, its index in the data set, and the error of the decoder.
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
        """Load the image at ``img_path``.

        Args:
            results (dict): The sample, with ``img_path``.

        Returns:
            dict: The sample with ``img``, for colors BGR of shape (h, w, 3),
            and with ``img_shape`` and ``ori_shape``, (h, w).
        """
        if 'img' in results:
            return results
        if self.imdecode_backend == 'turbojpeg':
            _create_turbojpeg_decoder()
        path = results['img_path']
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            check_jpeg_is_complete(content)
            image = mmcv.imfrombytes(
                content, flag=self.color_type, backend=self.imdecode_backend)
            if image is None:
                raise ValueError('the file contains no image')
        except Exception as error:  # the type depends on the decoder
            raise ValueError(
                f'Cannot read the image {path}, no. '
                f'{results.get("sample_idx")} of the data set: '
                f'{type(error).__name__}: {error}. If the file is damaged, '
                'copy or download it again, or remove it from the data set.'
            ) from error
        if self.to_float32:
            image = image.astype(np.float32)
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


def _create_turbojpeg_decoder() -> None:
    """Create the decoder of mmcv in this process, unless it exists.

    mmcv creates it only when it is made the default for all images.
    """
    if mmcv.image.io.jpeg is None:
        default = mmcv.image.io.imread_backend
        try:
            mmcv.use_backend('turbojpeg')
        finally:
            mmcv.use_backend(default)


def check_jpeg_is_complete(content: bytes) -> None:
    """Raise an error if a JPEG is truncated.

    The image is decoded only if there is no end marker in the last KiB.
    """
    if content.startswith(JPEG_BEGIN) and JPEG_END not in content[-1024:]:
        # The end marker may be followed by other data. Pillow raises an error
        # if there is none.
        with Image.open(io.BytesIO(content)) as image:
            image.load()
