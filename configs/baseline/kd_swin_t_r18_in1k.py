# Swin-T -> ResNet-18 on ImageNet-1K by KD:
#   L = α L_CE + (1 − α) L_KD
_base_ = [
    '../_base_/models/in1k.py',
    '../_base_/distillers/kd.py',
    '../_base_/datasets/imagenet_bs32.py',
    '../_base_/schedules/imagenet_bs256.py',
    '../_base_/default_runtime.py',
]

alpha = 0.25  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 1.0  # τ: temperature of both softmaxes

model = dict(
    architecture=_base_.r18,
    teacher=_base_.swin_t,
    teacher_ckpt=_base_.swin_t_ckpt,
    student_loss_weight=alpha,
    channels_last=True,
    distiller=dict(
        distill_losses=dict(loss_kd=dict(tau=tau, loss_weight=1 - alpha))))

val_cfg = dict(type='FrozenTeacherDistillValLoop')
