# CC beside DKD, ResNet-34 -> ResNet-18 on ImageNet-1K.
_base_ = [
    'mmrazor::distill/mmcls/dkd/'
    'dkd_resnet34_resnet18_8xb32_in1k.py',
    '../_base_/distillers/cc_beside.py',
]

model = dict(distiller=_base_.cc_distiller)

train_dataloader = _base_.cc_dataloader
