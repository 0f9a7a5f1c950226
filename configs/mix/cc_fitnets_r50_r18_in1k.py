# CC beside FitNets, ResNet-50 -> ResNet-18.
_base_ = ('mmrazor::distill/mmcls/fitnets/'
          'fitnets_backbone_logits_resnet50_resnet18_8xb32_in1k.py')

custom_imports = dict(imports=['mmcckd'], allow_failed_imports=False)

beta = 100.0  # β: the weight of L_CC; not tuned beside the recipe's own losses
k = 4  # samples of each class in a batch

kernel = dict(type='GaussianRBFKernelConnector', gamma=0.4, order=2)
# The student's features are 512 wide, the teacher's 2048. FlattenConnector,
# since the neck gives a tuple of one feature, and a linear layer takes none.
projection = [
    dict(type='FlattenConnector'),
    dict(
        type='TorchNNConnector',
        module_name='Linear',
        module_args=dict(in_features=512, out_features=2048)),
]
# All of it is added to the recipe's distiller. The names are new there.
model = dict(
    distiller=dict(
        student_recorders=dict(
            cc_feature=dict(type='ModuleOutputs', source='neck')),
        teacher_recorders=dict(
            cc_feature=dict(type='ModuleOutputs', source='neck')),
        connectors=dict(cc_kernel_s=[*projection, kernel], cc_kernel_t=kernel),
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
                    connector='cc_kernel_t')))))

# CUR draws the batches; of the sampler it takes the seed and the rank.
train_dataloader = dict(
    sampler=dict(type='DefaultSampler', shuffle=True),
    batch_sampler=dict(type='CURSampler', samples_per_class=k))
