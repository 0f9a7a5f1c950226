# The schedule of MMPretrain's ResNets on ImageNet-1K.
_base_ = 'mmpretrain::_base_/schedules/imagenet_bs256.py'

# MMEngine's default is max_epochs, so that a run that is stopped there and
# then resumed for more would have missed a step.
param_scheduler = dict(end=100)
