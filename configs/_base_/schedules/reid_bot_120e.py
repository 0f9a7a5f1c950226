# The schedule of Bag of Tricks (Luo et al., CVPR Workshops 2019), with the
# steps of fast-reid: Adam, with a learning rate that is divided by 10 at 40
# and 90 of 120 epochs. The warm-up is that of the paper's code: from a
# hundredth of the rate, over as many iterations as 10 epochs of Market-1501.
optim_wrapper = dict(
    optimizer=dict(type='Adam', lr=3.5e-4, weight_decay=5e-4))
param_scheduler = [
    dict(
        type='LinearLR',
        by_epoch=False,
        start_factor=0.01,
        begin=0,
        end=2000),
    dict(
        type='MultiStepLR',
        by_epoch=True,
        milestones=[40, 90],
        gamma=0.1,
        end=120)
]

# An evaluation on MSMT17 reads three times as many images as an epoch.
train_cfg = dict(by_epoch=True, max_epochs=120, val_interval=10)
val_cfg = dict()
test_cfg = dict()

# The learning rate is for 1 x 64 samples.
auto_scale_lr = dict(base_batch_size=64)
