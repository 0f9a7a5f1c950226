# ResNet-18 on MSMT17: a student without a teacher.
_base_ = './mbv2_msmt17.py'

model = dict(_delete_=True, **_base_.r18)
