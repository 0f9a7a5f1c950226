# Correlation congruence beside the losses of another recipe, from the outputs
# of both necks. A recipe takes it by
#   model = dict(distiller=_base_.cc_distiller)
#   train_dataloader = _base_.cc_dataloader
custom_imports = dict(imports=['mmcckd'], allow_failed_imports=False)

# β: the weight of L_CC. Between the values at which r = 0.1 on other data
# (docs/beta.md); not tuned beside other losses.
beta = 50.0
k = 4  # samples of each class in a batch

kernel = dict(type='GaussianRBFKernelConnector', gamma=0.4, order=2)
# The names that start with cc_ are new in the recipe's distiller.
cc_distiller = dict(
    student_recorders=dict(
        cc_feature=dict(type='ModuleOutputs', source='neck')),
    teacher_recorders=dict(
        cc_feature=dict(type='ModuleOutputs', source='neck')),
    connectors=dict(cc_kernel_s=kernel, cc_kernel_t=kernel),
    distill_losses=dict(
        loss_cc=dict(type='CorrelationCongruenceLoss', loss_weight=beta)),
    loss_forward_mappings=dict(
        loss_cc=dict(
            preds_S=dict(
                from_student=True,
                recorder='cc_feature',
                connector='cc_kernel_s'),
            preds_T=dict(
                from_student=False,
                recorder='cc_feature',
                connector='cc_kernel_t'))))

# CURSampler draws the batches; it takes its seed and rank from the sampler.
cc_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='CURSampler', samples_per_class=k))
