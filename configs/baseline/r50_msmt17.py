# ResNet-50 on MSMT17: a teacher.
_base_ = './mbv2_msmt17.py'

model = dict(_delete_=True, **_base_.r50)
