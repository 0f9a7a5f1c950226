# ResNet-32 on CIFAR-100: a student without a teacher.
_base_ = './r20_cifar100.py'

model = dict(_delete_=True, **_base_.r32)
