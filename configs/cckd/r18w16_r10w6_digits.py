# The student of the digits by CCKD, in class-uniform batches:
#   L = α L_CE + (1 − α) L_KD + β L_CC
_base_ = [
    '../_base_/models/digits_resnets.py',
    '../_base_/distillers/cckd.py',
    '../_base_/datasets/digits_bs40.py',
    '../_base_/schedules/digits.py',
    '../_base_/default_runtime.py',
]

# Chosen on the validation split; see docs/digits.md.
alpha = 0.1  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 4.0  # τ: temperature of both softmaxes
beta = 25.0  # β: weight of the correlations; r = 0.1, see docs/beta.md
gamma = 0.4  # γ: how fast correlation falls with distance, exp(-γ d²)
order = 2  # P: order of the kernel's Taylor expansion
k = 4  # samples of each class in a batch, so 10 classes a batch of 40

kernel = dict(
    type='GaussianRBFKernelConnector', gamma=gamma, order=order)
# The student's features are 12 wide, the teacher's 128.
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=12, out_features=128))
model = dict(
    architecture=_base_.r10w6,
    teacher=_base_.r18w16,
    # python tools/train.py configs/baseline/r18w16_digits.py
    teacher_ckpt='work_dirs/r18w16_digits/epoch_80.pth',
    student_loss_weight=alpha,
    distiller=dict(
        connectors=dict(kernel_s=[projection, kernel], kernel_t=kernel),
        distill_losses=dict(
            loss_kd=dict(tau=tau, loss_weight=1 - alpha),
            loss_cc=dict(loss_weight=beta)),
        # The projection takes the feature alone, out of the neck's tuple.
        loss_forward_mappings=dict(
            loss_cc=dict(preds_S=dict(data_idx=0)))))

train_dataloader = dict(
    batch_sampler=dict(type='CURSampler', samples_per_class=k))
