# The student of the kanji by CCKD, in uniform random batches:
#   L = α L_CE + (1 − α) L_KD + β L_CC
_base_ = [
    '../_base_/models/letters_resnets.py',
    '../_base_/distillers/cckd.py',
    '../_base_/datasets/kanji.py',
    '../_base_/schedules/letters.py',
    '../_base_/iteration_runtime.py',
]

alpha = 0.1  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 4.0  # τ: temperature of both softmaxes
beta = 50.0  # β: weight of the correlations; r = 0.1, see docs/beta.md
gamma = 0.4  # γ: how fast correlation falls with distance, exp(-γ d²)
order = 2  # P: order of the kernel's Taylor expansion

# Correlates the samples of all processes.
kernel = dict(
    type='GaussianRBFKernelConnector', gamma=gamma, order=order, gather=True)
# The student's features are 32 wide, the teacher's 96. A bias would have no
# effect on the distances between features.
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=32, out_features=96, bias=False))
model = dict(
    architecture=_base_.r8w8,
    teacher=_base_.r14w24,
    # python tools/train.py configs/baseline/r14w24_kanji.py
    teacher_ckpt='work_dirs/r14w24_kanji/iter_4000.pth',
    student_loss_weight=alpha,
    distiller=dict(
        connectors=dict(kernel_s=[projection, kernel], kernel_t=kernel),
        distill_losses=dict(
            loss_kd=dict(tau=tau, loss_weight=1 - alpha),
            loss_cc=dict(loss_weight=beta)),
        # The projection takes the feature alone, out of the neck's tuple.
        loss_forward_mappings=dict(
            loss_cc=dict(preds_S=dict(data_idx=0)))))

# Chosen at this budget by configs/studies/kanji_budget.yml.
optim_wrapper = dict(optimizer=dict(lr=0.8))
train_cfg = dict(max_iters=1200)
