# ResNet-34 -> MobileNetV2 on ImageNet-1K by KD, with the settings of
# kd_r50_mbv2_in1k.py.
_base_ = './kd_r50_mbv2_in1k.py'

model = dict(teacher=_base_.r34, teacher_ckpt=_base_.r34_ckpt)
