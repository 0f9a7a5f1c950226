# The student alone.
_base_ = [
    '../_base_/models/digits_resnets.py',
    '../_base_/datasets/digits_bs40.py',
    '../_base_/schedules/digits.py',
    '../_base_/default_runtime.py',
]

model = _base_.r10w6
