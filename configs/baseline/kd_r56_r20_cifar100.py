# ResNet-56 -> ResNet-20 on CIFAR-100 by KD, with the settings of
# kd_r110_r20_cifar100.py.
_base_ = './kd_r110_r20_cifar100.py'

model = dict(
    teacher=dict(_delete_=True, **_base_.r56),
    # python tools/train.py configs/baseline/r56_cifar100.py
    teacher_ckpt='work_dirs/r56_cifar100/epoch_240.pth')
