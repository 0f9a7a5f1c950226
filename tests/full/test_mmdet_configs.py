"""The config that MMRazor's recipe cwd_fpn_frcnn names."""
import pytest

from mmcckd.config_files.cfg_path import expand_cfg_path

pytest.importorskip('mmdet')


@pytest.mark.parametrize('depth, name', [(50, 'r50_fpn_1x'),
                                         (101, 'r101_fpn_2x')])
def test_the_old_name_is_found(depth, name):
    network = expand_cfg_path(
        dict(cfg_path=f'mmdet::faster_rcnn/faster_rcnn_{name}_coco.py'))
    assert network.type == 'FasterRCNN' and network.backbone.depth == depth
