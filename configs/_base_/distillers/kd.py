# Instance congruence: the student's logits follow the teacher's.
#   L = α L_CE + (1 − α) L_KD
model = dict(
    _scope_='mmrazor',
    type='FrozenTeacherDistill',
    student_loss_weight=0.1,  # α
    distiller=dict(
        type='ConfigurableDistiller',
        student_recorders=dict(
            fc=dict(type='ModuleOutputs', source='head.fc')),
        teacher_recorders=dict(
            fc=dict(type='ModuleOutputs', source='head.fc')),
        distill_losses=dict(
            # loss_weight: 1 − α
            loss_kd=dict(type='KLDivergence', tau=4.0, loss_weight=0.9)),
        loss_forward_mappings=dict(
            loss_kd=dict(
                preds_S=dict(from_student=True, recorder='fc'),
                preds_T=dict(from_student=False, recorder='fc')))))
