# Swin-T -> ResNet-18 on ImageNet-1K by KD, with the settings of
# kd_r34_r18_in1k.py.
_base_ = './kd_r34_r18_in1k.py'

model = dict(teacher=_base_.swin_t, teacher_ckpt=_base_.swin_t_ckpt)
