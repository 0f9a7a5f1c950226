# ResNet-50 on Market-1501 and MSMT17: a teacher.
_base_ = './mbv2_market1501-msmt17.py'

model = dict(_delete_=True, **_base_.r50)
