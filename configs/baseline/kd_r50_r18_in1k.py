# ResNet-50 -> ResNet-18 on ImageNet-1K by KD, with the settings of
# kd_r34_r18_in1k.py.
_base_ = './kd_r34_r18_in1k.py'

model = dict(teacher=_base_.r50, teacher_ckpt=_base_.r50_ckpt)
