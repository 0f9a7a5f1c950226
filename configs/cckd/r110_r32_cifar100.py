# By CCKD, as r110_r20_cifar100.py.
_base_ = './r110_r20_cifar100.py'

model = dict(architecture=dict(_delete_=True, **_base_.r32))
