"""Configs of mmdet under their old names."""
import pytest
from mmengine.config import config
from mmengine.hub import hub

import mmcckd  # noqa: F401


@pytest.mark.parametrize('module', [config, hub])
@pytest.mark.parametrize('path, found', [
    ('mmdet::faster_rcnn/faster_rcnn_r50_fpn_1x_coco.py',
     'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'),
    ('mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
     'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'),
    ('mmdet::_base_/models/faster_rcnn_r50_fpn.py',
     '_base_/models/faster_rcnn_r50_fpn.py'),
])
def test_old_and_new_names(module, path, found):
    assert module._get_package_and_cfg_path(path) == ('mmdet', found)


def test_mmcls_is_still_renamed():
    assert hub._get_package_and_cfg_path('mmcls::a/b.py') == ('mmpretrain',
                                                              'a/b.py')
