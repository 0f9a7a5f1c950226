# The student of the digits by KD:
#   L = α L_CE + (1 − α) L_KD
_base_ = [
    '../_base_/models/digits_resnets.py',
    '../_base_/distillers/kd.py',
    '../_base_/datasets/digits_bs40.py',
    '../_base_/schedules/digits.py',
    '../_base_/default_runtime.py',
]

alpha = 0.1  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 4.0  # τ: temperature of both softmaxes

model = dict(
    architecture=_base_.r10w6,
    teacher=_base_.r18w16,
    # python tools/train.py configs/baseline/r18w16_digits.py
    teacher_ckpt='work_dirs/r18w16_digits/epoch_80.pth',
    student_loss_weight=alpha,
    distiller=dict(
        distill_losses=dict(loss_kd=dict(tau=tau, loss_weight=1 - alpha))))
