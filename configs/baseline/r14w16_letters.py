# The teacher of the letters: a ResNet-14 with 16, 32 and 64 channels.
_base_ = [
    '../_base_/models/letters_resnets.py',
    '../_base_/datasets/letters.py',
    '../_base_/schedules/letters.py',
    '../_base_/iteration_runtime.py',
]

model = _base_.r14w16

optim_wrapper = dict(optimizer=dict(lr=0.5))
train_cfg = dict(max_iters=5000)
