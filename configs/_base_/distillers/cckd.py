# Correlation congruence on top of instance congruence: the correlations of the
# student's features follow those of the teacher's.
#   L = α L_CE + (1 − α) L_KD + β L_CC
_base_ = './kd.py'

model = dict(
    distiller=dict(
        student_recorders=dict(
            feature=dict(type='ModuleOutputs', source='neck')),
        teacher_recorders=dict(
            feature=dict(type='ModuleOutputs', source='neck')),
        connectors=dict(
            kernel_s=dict(
                type='GaussianRBFKernelConnector', gamma=0.4, order=2),
            kernel_t=dict(
                type='GaussianRBFKernelConnector', gamma=0.4, order=2)),
        distill_losses=dict(
            # loss_weight: β
            loss_cc=dict(type='CorrelationCongruenceLoss', loss_weight=1.0)),
        loss_forward_mappings=dict(
            loss_cc=dict(
                preds_S=dict(
                    from_student=True,
                    recorder='feature',
                    connector='kernel_s'),
                preds_T=dict(
                    from_student=False,
                    recorder='feature',
                    connector='kernel_t')))))
