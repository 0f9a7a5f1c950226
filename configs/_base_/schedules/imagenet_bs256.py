# The schedule of MMPretrain's ResNets on ImageNet-1K.
_base_ = 'mmpretrain::_base_/schedules/imagenet_bs256.py'

# MMEngine's default is max_epochs. With it, a run that is resumed for more
# epochs than it first had would miss a step.
param_scheduler = dict(end=100)
