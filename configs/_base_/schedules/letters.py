# Counts iterations. The learning rate rises for the first 100, and then falls
# to 0 at the last one, whatever max_iters is.
optim_wrapper = dict(
    optimizer=dict(
        type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False),
]

train_cfg = dict(by_epoch=False, max_iters=1200, val_interval=400)
val_cfg = dict()
test_cfg = dict()

# The learning rate is for 1 x 64 samples.
auto_scale_lr = dict(base_batch_size=64)
