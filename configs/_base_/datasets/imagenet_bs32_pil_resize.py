# ImageNet-1K with the pipelines of MMPretrain's MobileNetV2, which resize by
# Pillow.
_base_ = 'mmpretrain::_base_/datasets/imagenet_bs32_pil_resize.py'

data_preprocessor = dict(type='mmpretrain.ClsDataPreprocessor')

# Used instead of LoadImageFromFile; names an image that it cannot read.
load = dict(type='LoadImage')
train_pipeline = [load, *_base_.train_pipeline[1:]]
test_pipeline = [load, *_base_.test_pipeline[1:]]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
