# CC beside CRD, ResNet-50 -> ResNet-18 on CIFAR-10.
_base_ = [
    'mmrazor::distill/mmcls/crd/'
    'crd_neck_r50_r18_8xb16_cifar10.py',
    '../_base_/distillers/cc_beside.py',
]

# The student's features are 512 wide, the teacher's 2048. FlattenConnector
# takes the one feature out of the neck's tuple, for the linear layer.
projection = [
    dict(type='FlattenConnector'),
    dict(
        type='TorchNNConnector',
        module_name='Linear',
        module_args=dict(in_features=512, out_features=2048)),
]
model = dict(
    distiller=dict(
        _base_.cc_distiller,
        connectors=dict(
            cc_kernel_s=[*projection, _base_.kernel],
            cc_kernel_t=_base_.kernel)))

train_dataloader = _base_.cc_dataloader
