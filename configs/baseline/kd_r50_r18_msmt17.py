# ResNet-50 -> ResNet-18 on MSMT17 by KD, with the settings of
# kd_r50_mbv2_msmt17.py.
_base_ = './kd_r50_mbv2_msmt17.py'

model = dict(architecture=dict(_delete_=True, **_base_.r18))
