# DeiT-B -> ResNet-18 on ImageNet-1K by CCKD, with the settings of
# r34_r18_in1k.py.
_base_ = './r34_r18_in1k.py'

# The student's features are 512 wide, the teacher's 768.
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=512, out_features=768))
model = dict(
    teacher=_base_.deit_b,
    teacher_ckpt=_base_.deit_b_ckpt,
    distiller=dict(
        # The class token is the output of the backbone; there is no neck.
        teacher_recorders=dict(
            fc=dict(source='head.layers.head'),
            feature=dict(source='backbone')),
        connectors=dict(kernel_s=[projection, _base_.kernel]),
        # The projection takes the feature alone, out of the neck's tuple.
        loss_forward_mappings=dict(
            loss_cc=dict(preds_S=dict(data_idx=0)))))
