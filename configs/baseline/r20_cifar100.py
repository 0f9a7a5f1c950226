# ResNet-20 on CIFAR-100: a student without a teacher.
_base_ = [
    '../_base_/models/cifar100.py',
    '../_base_/datasets/cifar100_bs64.py',
    '../_base_/schedules/cifar100_240e.py',
    '../_base_/default_runtime.py',
]

model = _base_.r20
