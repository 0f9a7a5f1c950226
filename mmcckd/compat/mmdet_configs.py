"""Find configs of mmdet by the names that they had before MMDetection 3.

MMRazor's recipe ``cwd_fpn_frcnn_r101_frcnn_r50_1x_coco.py`` names configs
such as ``mmdet::faster_rcnn/faster_rcnn_r50_fpn_1x_coco.py``. In MMDetection
3, the file is called ``faster-rcnn_r50_fpn_1x_coco.py``.

Can be deleted when MMRazor's recipe uses the new names.
"""
from typing import Tuple

from mmengine.config import config
from mmengine.hub import hub

PREFIX = 'mmdet::faster_rcnn/'


def find_renamed_mmdet_configs() -> None:
    """Read ``faster_rcnn/faster_rcnn_…`` as ``faster_rcnn/faster-rcnn_…``."""
    split = config._get_package_and_cfg_path

    def get_package_and_cfg_path(cfg_path: str) -> Tuple[str, str]:
        return split(
            cfg_path.replace(PREFIX + 'faster_rcnn_', PREFIX + 'faster-rcnn_'))

    for module in (config, hub):  # both have imported the function by name
        module._get_package_and_cfg_path = get_package_and_cfg_path
