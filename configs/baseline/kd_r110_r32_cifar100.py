# ResNet-110 -> ResNet-32 on CIFAR-100 by KD, with the settings of
# kd_r110_r20_cifar100.py.
_base_ = './kd_r110_r20_cifar100.py'

model = dict(architecture=dict(_delete_=True, **_base_.r32))
