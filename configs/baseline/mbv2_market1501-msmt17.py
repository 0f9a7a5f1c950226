# MobileNetV2 on Market-1501 and MSMT17: a student without a teacher.
_base_ = [
    '../_base_/models/reid_market1501-msmt17.py',
    '../_base_/datasets/market1501-msmt17_bs64.py',
    '../_base_/schedules/reid_bot_120e.py',
    '../_base_/default_runtime.py',
]

model = _base_.mbv2
