# ResNet-56 on CIFAR-100: a teacher.
_base_ = './r20_cifar100.py'

model = dict(_delete_=True, **_base_.r56)
