# The teacher of Fashion-MNIST: a ResNet-14 with 24, 48 and 96 channels.
_base_ = [
    '../_base_/models/fashion_mnist_resnets.py',
    '../_base_/datasets/fashion_mnist.py',
    '../_base_/schedules/letters.py',
    '../_base_/iteration_runtime.py',
]

model = _base_.r14w24

train_cfg = dict(max_iters=4000)
