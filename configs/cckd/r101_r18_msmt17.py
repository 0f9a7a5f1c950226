# ResNet-101 -> ResNet-18 on MSMT17 by CCKD, with the settings of
# r50_r18_msmt17.py.
_base_ = './r50_r18_msmt17.py'

model = dict(
    teacher=dict(_delete_=True, **_base_.r101),
    # python tools/train.py configs/baseline/r101_msmt17.py
    teacher_ckpt='work_dirs/r101_msmt17/epoch_120.pth')
