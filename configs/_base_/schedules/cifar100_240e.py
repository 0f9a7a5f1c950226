# The schedule of the CRD tables (Tian et al., *Contrastive Representation
# Distillation*, ICLR 2020, appendix; RepDistiller's defaults): SGD with
# a learning rate of 0.05, divided by 10 at 150, 180 and 210 of 240 epochs.
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4))
param_scheduler = dict(
    type='MultiStepLR',
    by_epoch=True,
    milestones=[150, 180, 210],
    gamma=0.1,
    end=240)

train_cfg = dict(by_epoch=True, max_epochs=240, val_interval=5)
val_cfg = dict()
test_cfg = dict()

# The learning rate is for 1 x 64 samples.
auto_scale_lr = dict(base_batch_size=64)
