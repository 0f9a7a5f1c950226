# By KD, as kd_r110_r20_cifar100.py.
_base_ = './kd_r110_r20_cifar100.py'

model = dict(architecture=dict(_delete_=True, **_base_.r32))
