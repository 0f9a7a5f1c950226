# The schedule of MMPretrain's MobileNetV2 on ImageNet-1K.
from mmengine.optim import StepLR
from torch.optim import SGD

optim_wrapper = dict(
    optimizer=dict(type=SGD, lr=0.045, momentum=0.9, weight_decay=0.00004))
# Without end, MMEngine's default is max_epochs. Then a run that is resumed for
# more epochs than it first had would miss a step.
param_scheduler = dict(
    type=StepLR, by_epoch=True, step_size=1, gamma=0.98, end=300)

train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=256)
