from mmengine.hooks import (
    CheckpointHook,
    DistSamplerSeedHook,
    IterTimerHook,
    LoggerHook,
    ParamSchedulerHook,
)
from mmengine.visualization import LocalVisBackend
from mmpretrain.engine import VisualizationHook
from mmpretrain.visualization import UniversalVisualizer

from mmcckd.engine import AccumulatedGradientsHook, EpochSeedHook

# Makes MMRazor work with current torch, also where this config is written out
# and read again.
custom_imports = dict(imports=['mmcckd'], allow_failed_imports=False)

# For types that are given by their names.
default_scope = 'mmpretrain'

default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=100),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=1, max_keep_ckpts=3),
    # Tells the samplers the epoch; they shuffle differently in each.
    sampler_seed=dict(type=DistSamplerSeedHook),
    # Makes the augmentation a function of the seed and the epoch, so that a
    # resumed run continues as an uninterrupted one would.
    epoch_seed=dict(type=EpochSeedHook),
    # Saves gradients that are accumulated for the next update, too.
    accumulated_gradients=dict(type=AccumulatedGradientsHook),
    visualization=dict(type=VisualizationHook, enable=False))

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))

vis_backends = [dict(type=LocalVisBackend)]
visualizer = dict(type=UniversalVisualizer, vis_backends=vis_backends)

log_level = 'INFO'
load_from = None
resume = False
# A fixed seed, so that a resumed run continues with the same batches.
randomness = dict(seed=0, deterministic=False)
