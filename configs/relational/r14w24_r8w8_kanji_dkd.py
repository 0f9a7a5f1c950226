# The student of the kanji by DKD (Zhao et al., *Decoupled Knowledge
# Distillation*, CVPR 2022), which replaces KD, with the weights of its code
# for ResNet-32x4 and ResNet-8x4 on CIFAR-100. There, they also increase from
# 0 during the first 20 epochs, which is left out.
_base_ = '../baseline/kd_r14w24_r8w8_kanji.py'

alpha = 1.0  # weight of the labels
tau = 4.0  # temperature of both softmaxes
dkd_alpha = 1.0  # weight of the target class
dkd_beta = 8.0  # weight of the other classes

model = dict(
    student_loss_weight=alpha,
    distiller=dict(
        student_recorders=dict(
            labels=dict(type='ModuleInputs', source='head.loss_module')),
        distill_losses=dict(
            _delete_=True,
            loss_dkd=dict(
                type='DKDLoss',
                tau=tau,
                alpha=dkd_alpha,
                beta=dkd_beta)),
        loss_forward_mappings=dict(
            _delete_=True,
            loss_dkd=dict(
                preds_S=dict(from_student=True, recorder='fc'),
                preds_T=dict(from_student=False, recorder='fc'),
                gt_labels=dict(
                    from_student=True, recorder='labels', data_idx=1)))))
