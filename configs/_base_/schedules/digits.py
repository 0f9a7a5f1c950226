# Chosen on the validation split; see docs/digits.md.
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(
    type='CosineAnnealingLR',
    T_max=80,
    by_epoch=True,
    convert_to_iter_based=True)

train_cfg = dict(by_epoch=True, max_epochs=80, val_interval=20)
val_cfg = dict()
test_cfg = dict()

# The learning rate is for 1 x 40 samples.
auto_scale_lr = dict(base_batch_size=40)
