# WRN-40-2 -> WRN-16-2 on CIFAR-100 by CCKD, with the settings of
# r110_r20_cifar100.py.
_base_ = './r110_r20_cifar100.py'

model = dict(
    architecture=dict(_delete_=True, **_base_.wrn16x2),
    teacher=dict(_delete_=True, **_base_.wrn40x2),
    # python tools/train.py configs/baseline/wrn40x2_cifar100.py
    teacher_ckpt='work_dirs/wrn40x2_cifar100/epoch_240.pth')
