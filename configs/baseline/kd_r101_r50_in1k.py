# ResNet-101 -> ResNet-50 on ImageNet-1K by KD, with the settings of
# kd_r34_r18_in1k.py.
_base_ = './kd_r34_r18_in1k.py'

model = dict(
    architecture=_base_.r50,
    teacher=_base_.r101,
    teacher_ckpt=_base_.r101_ckpt)
