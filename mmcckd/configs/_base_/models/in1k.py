# MMPretrain's networks for ImageNet-1K and, for the teacher, the checkpoint
# that it publishes.
from mmengine.config import read_base
from mmpretrain.models import (
    CrossEntropyLoss,
    GlobalAveragePooling,
    ImageClassifier,
    LinearClsHead,
    MobileNetV2,
    ResNet,
)

with read_base():
    from ..datasets.imagenet_bs32_pil_resize import data_preprocessor

mbv2 = dict(
    type=ImageClassifier,
    data_preprocessor=data_preprocessor,
    backbone=dict(type=MobileNetV2, widen_factor=1.0),
    neck=dict(type=GlobalAveragePooling),
    head=dict(
        type=LinearClsHead,
        num_classes=1000,
        in_channels=1280,
        loss=dict(type=CrossEntropyLoss, loss_weight=1.0),
        topk=(1, 5)))

r50 = dict(
    type=ImageClassifier,
    data_preprocessor=data_preprocessor,
    backbone=dict(
        type=ResNet,
        depth=50,
        num_stages=4,
        out_indices=(3, ),
        style='pytorch'),
    neck=dict(type=GlobalAveragePooling),
    head=dict(
        type=LinearClsHead,
        num_classes=1000,
        in_channels=2048,
        loss=dict(type=CrossEntropyLoss, loss_weight=1.0),
        topk=(1, 5)))

r50_ckpt = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth'  # noqa: E501
