# The student of the kanji by KD:
#   L = α L_CE + (1 − α) L_KD
_base_ = [
    '../_base_/models/letters_resnets.py',
    '../_base_/distillers/kd.py',
    '../_base_/datasets/kanji.py',
    '../_base_/schedules/letters.py',
    '../_base_/iteration_runtime.py',
]

alpha = 0.1  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 4.0  # τ: temperature of both softmaxes

model = dict(
    architecture=_base_.r8w8,
    teacher=_base_.r14w24,
    # python tools/train.py configs/baseline/r14w24_kanji.py
    teacher_ckpt='work_dirs/r14w24_kanji/iter_4000.pth',
    student_loss_weight=alpha,
    distiller=dict(
        distill_losses=dict(loss_kd=dict(tau=tau, loss_weight=1 - alpha))))

# Chosen at this budget by configs/studies/kanji_budget.yml.
optim_wrapper = dict(optimizer=dict(lr=0.8))
train_cfg = dict(max_iters=1200)
