# ResNet-50 -> MobileNetV2 on ImageNet-1K by CCKD, in class-uniform batches:
#   L = α L_CE + (1 − α) L_KD + β L_CC
# This is configs/cckd/r50_mbv2_in1k.py as a new-style config.
from mmengine.config import read_base
from mmrazor.models import (
    ConfigurableDistiller,
    KLDivergence,
    TorchNNConnector,
)
from mmrazor.models.task_modules import ModuleOutputsRecorder

from mmcckd.datasets import CURSampler
from mmcckd.engine import FrozenTeacherDistillValLoop
from mmcckd.models import (
    CorrelationCongruenceLoss,
    FrozenTeacherDistill,
    GaussianRBFKernelConnector,
)

with read_base():
    from .._base_.datasets.imagenet_bs32_pil_resize import *
    from .._base_.default_runtime import *
    from .._base_.models.in1k import *
    from .._base_.schedules.imagenet_bs256_epochstep import *

# α : (1 - α) and τ are those of MMRazor's KD recipes. β, and all of them
# together, are not measured yet. docs/recipes.md says where each comes from.
alpha = 0.25  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 1.0  # τ: temperature of both softmaxes
# β: weight of the correlations. Between the values at which r = 0.1 on other
# data (docs/beta.md); tools/suggest_beta.py suggests one for yours.
beta = 50.0
gamma = 0.4  # γ: how fast correlation falls with distance, exp(-γ d²)
order = 2  # P: order of the kernel's Taylor expansion
k = 4  # samples of each class in a batch, so 8 classes a batch of 32

# Correlates the samples of all GPUs: 8 x 32 by default.
kernel = dict(
    type=GaussianRBFKernelConnector, gamma=gamma, order=order, gather=True)
# The student's features are 1280 wide, the teacher's 2048.
projection = dict(
    type=TorchNNConnector,
    module_name='Linear',
    module_args=dict(in_features=1280, out_features=2048))
recorders = dict(
    fc=dict(type=ModuleOutputsRecorder, source='head.fc'),
    feature=dict(type=ModuleOutputsRecorder, source='neck'))

model = dict(
    type=FrozenTeacherDistill,
    architecture=mbv2,
    teacher=r50,
    teacher_ckpt=r50_ckpt,
    student_loss_weight=alpha,
    channels_last=True,
    distiller=dict(
        type=ConfigurableDistiller,
        student_recorders=recorders,
        teacher_recorders=recorders,
        connectors=dict(kernel_s=[projection, kernel], kernel_t=kernel),
        distill_losses=dict(
            loss_kd=dict(type=KLDivergence, tau=tau, loss_weight=1 - alpha),
            loss_cc=dict(type=CorrelationCongruenceLoss, loss_weight=beta)),
        loss_forward_mappings=dict(
            loss_kd=dict(
                preds_S=dict(from_student=True, recorder='fc'),
                preds_T=dict(from_student=False, recorder='fc')),
            # The projection takes the feature alone, out of the neck's tuple.
            loss_cc=dict(
                preds_S=dict(
                    from_student=True,
                    recorder='feature',
                    data_idx=0,
                    connector='kernel_s'),
                preds_T=dict(
                    from_student=False,
                    recorder='feature',
                    connector='kernel_t')))))

train_dataloader.update(
    batch_sampler=dict(type=CURSampler, samples_per_class=k))
val_cfg = dict(type=FrozenTeacherDistillValLoop)
