# ImageNet-1K with the pipelines of MMPretrain's MobileNetV2, which resize by
# Pillow.
_base_ = 'mmpretrain::_base_/datasets/imagenet_bs32_pil_resize.py'

data_preprocessor = dict(type='mmpretrain.ClsDataPreprocessor')

# Used instead of LoadImageFromFile; names an image that it cannot read.
load = dict(type='LoadImage')
train_pipeline = [load, *_base_.train_pipeline[1:]]
test_pipeline = [load, *_base_.test_pipeline[1:]]

# With default_collate, workers send the images of a batch as one tensor.
train_dataloader = dict(
    collate_fn=dict(type='default_collate'),
    dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(
    collate_fn=dict(type='default_collate'),
    dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
