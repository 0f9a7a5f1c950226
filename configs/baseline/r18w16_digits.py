# The teacher of the digits: a small ResNet-18.
_base_ = [
    '../_base_/models/digits_resnets.py',
    '../_base_/datasets/digits_bs40.py',
    '../_base_/schedules/digits.py',
    '../_base_/default_runtime.py',
]

model = _base_.r18w16
