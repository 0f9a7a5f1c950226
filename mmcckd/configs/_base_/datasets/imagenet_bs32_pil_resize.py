# ImageNet-1K with the pipelines of MMPretrain's MobileNetV2, which resize by
# Pillow.
from mmcv.transforms import CenterCrop, RandomFlip
from mmengine.dataset import DefaultSampler, default_collate
from mmpretrain.datasets import (
    ImageNet,
    PackInputs,
    RandomResizedCrop,
    ResizeEdge,
)
from mmpretrain.evaluation import Accuracy
from mmpretrain.models import ClsDataPreprocessor

from mmcckd.datasets import LoadImage

data_preprocessor = dict(
    type=ClsDataPreprocessor,
    num_classes=1000,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True)

train_pipeline = [
    dict(type=LoadImage),
    dict(type=RandomResizedCrop, scale=224, backend='pillow'),
    dict(type=RandomFlip, prob=0.5, direction='horizontal'),
    dict(type=PackInputs)
]
test_pipeline = [
    dict(type=LoadImage),
    dict(type=ResizeEdge, scale=256, edge='short', backend='pillow'),
    dict(type=CenterCrop, crop_size=224),
    dict(type=PackInputs)
]

# With default_collate, workers send the images of a batch as one tensor.
train_dataloader = dict(
    batch_size=32,
    num_workers=5,
    collate_fn=dict(type=default_collate),
    sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(
        type=ImageNet,
        data_root='data/imagenet',
        split='train',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=32,
    num_workers=5,
    collate_fn=dict(type=default_collate),
    sampler=dict(type=DefaultSampler, shuffle=False),
    dataset=dict(
        type=ImageNet,
        data_root='data/imagenet',
        split='val',
        pipeline=test_pipeline))
val_evaluator = dict(type=Accuracy, topk=(1, 5))
test_dataloader = val_dataloader
test_evaluator = val_evaluator
