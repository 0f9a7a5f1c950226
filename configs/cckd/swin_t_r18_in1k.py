# Swin-T -> ResNet-18 on ImageNet-1K by CCKD, in class-uniform batches:
#   L = α L_CE + (1 − α) L_KD + β L_CC
_base_ = [
    '../_base_/models/in1k.py',
    '../_base_/distillers/cckd.py',
    '../_base_/datasets/imagenet_bs32.py',
    '../_base_/schedules/imagenet_bs256.py',
    '../_base_/default_runtime.py',
]

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
    type='GaussianRBFKernelConnector', gamma=gamma, order=order, gather=True)
# The student's features are 512 wide, the teacher's 768.
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=512, out_features=768))
model = dict(
    architecture=_base_.r18,
    teacher=_base_.swin_t,
    teacher_ckpt=_base_.swin_t_ckpt,
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

train_dataloader = dict(
    batch_sampler=dict(type='CURSampler', samples_per_class=k))
val_cfg = dict(type='FrozenTeacherDistillValLoop')
