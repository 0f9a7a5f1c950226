# MobileNetV2 on Market-1501: a student without a teacher.
_base_ = [
    '../_base_/models/reid_market1501.py',
    '../_base_/datasets/market1501_bs64.py',
    '../_base_/schedules/reid_bot_120e.py',
    '../_base_/default_runtime.py',
]

model = _base_.mbv2
