# The student of the kanji by KD and the loss that published tables call "CC"
# (docs/method.md), with the weight and the embeddings of these tables.
_base_ = '../baseline/kd_r14w24_r8w8_kanji.py'

weight = 0.02  # weight of the loss

feature = dict(type='ModuleOutputs', source='neck')
# Both embeddings are trained. The features are 32 and 96 wide.
embed_s, embed_t = (
    dict(
        type='TorchNNConnector',
        module_name='Linear',
        module_args=dict(in_features=width, out_features=128))
    for width in (32, 96))
model = dict(
    distiller=dict(
        student_recorders=dict(feature=feature),
        teacher_recorders=dict(feature=feature),
        connectors=dict(embed_s=embed_s, embed_t=embed_t),
        distill_losses=dict(
            loss_rd_cc=dict(type='RepDistillerCCLoss', loss_weight=weight)),
        loss_forward_mappings=dict(
            loss_rd_cc=dict(
                preds_S=dict(
                    from_student=True,
                    recorder='feature',
                    data_idx=0,
                    connector='embed_s'),
                preds_T=dict(
                    from_student=False,
                    recorder='feature',
                    data_idx=0,
                    connector='embed_t')))))

# With 0.4, the training diverged; 0.1 ran for 50 iterations only.
optim_wrapper = dict(optimizer=dict(lr=0.1))
