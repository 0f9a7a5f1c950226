# A teacher.
_base_ = [
    '../_base_/models/reid_market1501.py',
    '../_base_/datasets/market1501_bs64.py',
    '../_base_/schedules/reid_bot_120e.py',
    '../_base_/default_runtime.py',
]

model = _base_.r50

train_dataloader = dict(
    # The triplet loss needs several images of a person.
    batch_sampler=dict(type='CURSampler', samples_per_class=4))
