# ResNet-110 -> ResNet-20 on CIFAR-100 by KD:
#   L = α L_CE + (1 − α) L_KD
_base_ = [
    '../_base_/models/cifar100.py',
    '../_base_/distillers/kd.py',
    '../_base_/datasets/cifar100_bs64.py',
    '../_base_/schedules/cifar100_240e.py',
    '../_base_/default_runtime.py',
]

alpha = 0.1  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 4.0  # τ: temperature of both softmaxes

model = dict(
    architecture=_base_.r20,
    teacher=_base_.r110,
    # python tools/train.py configs/baseline/r110_cifar100.py
    teacher_ckpt='work_dirs/r110_cifar100/epoch_240.pth',
    student_loss_weight=alpha,
    channels_last=True,
    distiller=dict(
        distill_losses=dict(loss_kd=dict(tau=tau, loss_weight=1 - alpha))))

val_cfg = dict(type='FrozenTeacherDistillValLoop')
