# CC beside DIST, ResNet-34 -> ResNet-18 on ImageNet-1K.
_base_ = [
    'mmrazor::distill/mmcls/dist/'
    'dist_logits_resnet34_resnet18_8xb32_in1k.py',
    '../_base_/distillers/cc_beside.py',
]

model = dict(distiller=_base_.cc_distiller)

train_dataloader = _base_.cc_dataloader
