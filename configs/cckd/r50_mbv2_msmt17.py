# ResNet-50 -> MobileNetV2 on MSMT17 by CCKD, in class-uniform batches:
#   L = α (L_id + L_triplet) + (1 − α) L_KD + β L_CC
_base_ = [
    '../_base_/models/reid.py',
    '../_base_/distillers/cckd.py',
    '../_base_/datasets/msmt17_bs64.py',
    '../_base_/schedules/reid_bot_120e.py',
    '../_base_/default_runtime.py',
]

# Not measured yet; docs/reid.md says where each comes from.
alpha = 0.5  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 4.0  # τ: temperature of both softmaxes
# β: weight of the correlations. Between the values at which r = 0.1 on other
# data (docs/beta.md); tools/suggest_beta.py suggests one for yours.
beta = 50.0
gamma = 0.4  # γ: how fast correlation falls with distance, exp(-γ d²)
order = 2  # P: order of the kernel's Taylor expansion
k = 4  # samples of each person in a batch, so 16 persons a batch of 64

# Correlates the samples of all GPUs.
kernel = dict(
    type='GaussianRBFKernelConnector', gamma=gamma, order=order, gather=True)
# The student's features are 1280 wide, the teacher's 2048.
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=1280, out_features=2048))
model = dict(
    architecture=_base_.mbv2,
    teacher=_base_.r50,
    # python tools/train.py configs/baseline/r50_msmt17.py
    teacher_ckpt='work_dirs/r50_msmt17/epoch_120.pth',
    student_loss_weight=alpha,
    channels_last=True,
    distiller=dict(
        connectors=dict(kernel_s=[projection, kernel], kernel_t=kernel),
        distill_losses=dict(
            loss_kd=dict(tau=tau, loss_weight=1 - alpha),
            loss_cc=dict(loss_weight=beta)),
        # The projection takes the feature alone, out of the neck's tuple.
        loss_forward_mappings=dict(
            loss_cc=dict(preds_S=dict(data_idx=0)))))

train_dataloader = dict(batch_sampler=dict(samples_per_class=k))
val_cfg = dict(type='FrozenTeacherDistillValLoop')
