# MobileNetV2 on MSMT17: a student without a teacher.
_base_ = [
    '../_base_/models/reid.py',
    '../_base_/datasets/msmt17_bs64.py',
    '../_base_/schedules/reid_bot_120e.py',
    '../_base_/default_runtime.py',
]

model = _base_.mbv2
