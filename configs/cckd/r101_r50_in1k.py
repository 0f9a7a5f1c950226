# ResNet-101 -> ResNet-50 on ImageNet-1K by CCKD, with the settings of
# r34_r18_in1k.py.
_base_ = './r34_r18_in1k.py'

model = dict(
    architecture=_base_.r50,
    teacher=_base_.r101,
    teacher_ckpt=_base_.r101_ckpt)
