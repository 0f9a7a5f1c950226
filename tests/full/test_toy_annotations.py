"""mmdet and mmsegmentation read the toy data sets."""
import numpy as np
import pytest

from mmcckd.datasets.toy import make_cityscapes, make_coco

pytest.importorskip('mmcv._ext')
datasets = pytest.importorskip('mmdet.datasets')
segmentation = pytest.importorskip('mmseg.datasets')


def test_coco(tmp_path):
    from mmdet.datasets.transforms import LoadAnnotations
    from mmengine.registry import DefaultScope
    make_coco(tmp_path, 6)
    with DefaultScope.overwrite_default_scope('mmdet'):
        for split, count in dict(train2017=6, val2017=3).items():
            dataset = datasets.CocoDataset(
                data_root=str(tmp_path),
                ann_file=f'annotations/instances_{split}.json',
                data_prefix=dict(img=f'{split}/'),
                filter_cfg=dict(filter_empty_gt=True, min_size=32),
                pipeline=[
                    dict(type='LoadImageFromFile'),
                    LoadAnnotations(with_mask=True)
                ])
            assert len(dataset) == count
            for sample in map(dataset.__getitem__, range(count)):
                n = len(sample['gt_bboxes'])
                assert 1 <= n <= 4 and len(sample['gt_masks']) == n
                assert len(sample['gt_bboxes_labels']) == n
                areas = sample['gt_masks'].areas / sample['gt_bboxes'].areas
                np.testing.assert_allclose(areas, np.pi / 4, rtol=0.06)


def test_cityscapes(tmp_path):
    from mmengine.registry import DefaultScope
    make_cityscapes(tmp_path, 6)
    with DefaultScope.overwrite_default_scope('mmseg'):
        for split, count in dict(train=6, val=3).items():
            dataset = segmentation.CityscapesDataset(
                data_root=str(tmp_path),
                data_prefix=dict(
                    img_path=f'leftImg8bit/{split}',
                    seg_map_path=f'gtFine/{split}'),
                pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations')
                ])
            assert len(dataset) == count
            for sample in map(dataset.__getitem__, range(count)):
                labels = sample['gt_seg_map']
                assert labels.shape == sample['img'].shape[:2]
                assert set(np.unique(labels)) <= {*range(19), 255}
