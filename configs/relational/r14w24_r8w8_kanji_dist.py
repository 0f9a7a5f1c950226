# The student of the kanji by DIST (Huang et al., *Knowledge Distillation from
# A Stronger Teacher*, NeurIPS 2022), which replaces KD, with the weights of
# MMRazor's recipe.
_base_ = '../baseline/kd_r14w24_r8w8_kanji.py'

alpha = 1.0  # weight of the labels
tau = 1.0  # temperature of both softmaxes
weight = 2.0  # weight of DIST

model = dict(
    student_loss_weight=alpha,
    distiller=dict(
        distill_losses=dict(
            _delete_=True,
            loss_dist=dict(type='DISTLoss', tau=tau, loss_weight=weight)),
        loss_forward_mappings=dict(
            _delete_=True,
            loss_dist=dict(
                logits_S=dict(from_student=True, recorder='fc'),
                logits_T=dict(from_student=False, recorder='fc')))))
