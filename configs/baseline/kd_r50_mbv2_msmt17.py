# ResNet-50 -> MobileNetV2 on MSMT17 by KD:
#   L = α (L_id + L_triplet) + (1 − α) L_KD
_base_ = [
    '../_base_/models/reid.py',
    '../_base_/distillers/kd.py',
    '../_base_/datasets/msmt17_bs64.py',
    '../_base_/schedules/reid_bot_120e.py',
    '../_base_/default_runtime.py',
]

# Not measured yet; docs/reid.md says where each comes from.
alpha = 0.5  # α: weight of the labels; that of the teacher's logits is 1 - α
tau = 4.0  # τ: temperature of both softmaxes

model = dict(
    architecture=_base_.mbv2,
    teacher=_base_.r50,
    # python tools/train.py configs/baseline/r50_msmt17.py
    teacher_ckpt='work_dirs/r50_msmt17/epoch_120.pth',
    student_loss_weight=alpha,
    channels_last=True,
    distiller=dict(
        distill_losses=dict(loss_kd=dict(tau=tau, loss_weight=1 - alpha))))

val_cfg = dict(type='FrozenTeacherDistillValLoop')
