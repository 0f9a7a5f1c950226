import mmcv
import numpy as np
from mmengine import fileio
from torch.utils.data import Dataset

from .wrappers import get_data_info


def load_image(dataset: Dataset, idx: int) -> np.ndarray:
    """Load the image of a sample as it is before the pipeline.

    Args:
        dataset (Dataset): A data set whose ``get_data_info(idx)`` returns
            ``img`` or ``img_path``, or nested wrappers.
        idx (int): The sample.

    Returns:
        np.ndarray: (h, w) or (h, w, 3), RGB.
    """
    info = get_data_info(dataset, idx)
    if 'img' in info:
        return np.asarray(info['img'])
    content = fileio.get(info['img_path'])
    return mmcv.imfrombytes(content, channel_order='rgb', backend='pillow')
