# r14w24_r8w8_kanji.py without the teacher's logits:
#   L = L_CE + β L_CC
_base_ = './r14w24_r8w8_kanji.py'

alpha = 1.0  # α: weight of the labels
beta = 50.0  # β: weight of the correlations; r = 0.1, see docs/beta.md

distiller = _base_.model.distiller
feature = distiller.student_recorders.feature
model = dict(
    student_loss_weight=alpha,
    distiller=dict(
        student_recorders=dict(_delete_=True, feature=feature),
        teacher_recorders=dict(_delete_=True, feature=feature),
        distill_losses=dict(
            _delete_=True,
            loss_cc=dict(distiller.distill_losses.loss_cc, loss_weight=beta)),
        loss_forward_mappings=dict(
            _delete_=True, loss_cc=distiller.loss_forward_mappings.loss_cc)))
