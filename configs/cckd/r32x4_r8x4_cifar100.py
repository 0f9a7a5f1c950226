# ResNet-32x4 -> ResNet-8x4 on CIFAR-100 by CCKD, with the settings of
# r110_r20_cifar100.py.
_base_ = './r110_r20_cifar100.py'

model = dict(
    architecture=dict(_delete_=True, **_base_.r8x4),
    teacher=dict(_delete_=True, **_base_.r32x4),
    # python tools/train.py configs/baseline/r32x4_cifar100.py
    teacher_ckpt='work_dirs/r32x4_cifar100/epoch_240.pth')
