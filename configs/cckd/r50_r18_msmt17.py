# ResNet-50 -> ResNet-18 on MSMT17 by CCKD, with the settings of
# r50_mbv2_msmt17.py.
_base_ = './r50_mbv2_msmt17.py'

# The student's features are 512 wide, the teacher's 2048.
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=512, out_features=2048))
model = dict(
    architecture=dict(_delete_=True, **_base_.r18),
    distiller=dict(
        connectors=dict(kernel_s=[projection, _base_.kernel])))
