# The student of the kanji by KD and RKD (Park et al., *Relational Knowledge
# Distillation*, CVPR 2019), with the weights of MMRazor's recipe.
_base_ = '../baseline/kd_r14w24_r8w8_kanji.py'

weight = 1.0  # multiplies both weights

feature = dict(type='ModuleOutputs', source='neck')
features = dict(
    preds_S=dict(from_student=True, recorder='feature', data_idx=0),
    preds_T=dict(from_student=False, recorder='feature', data_idx=0))
model = dict(
    distiller=dict(
        student_recorders=dict(feature=feature),
        teacher_recorders=dict(feature=feature),
        distill_losses=dict(
            loss_distance=dict(
                type='DistanceWiseRKD', loss_weight=25 * weight),
            loss_angle=dict(type='AngleWiseRKD', loss_weight=50 * weight)),
        loss_forward_mappings=dict(
            loss_distance=features, loss_angle=features)))
