# ResNet-34 -> MobileNetV2 on ImageNet-1K by CCKD, with the settings of
# r50_mbv2_in1k.py.
_base_ = './r50_mbv2_in1k.py'

# The student's features are 1280 wide, the teacher's 512.
projection = dict(
    type='TorchNNConnector',
    module_name='Linear',
    module_args=dict(in_features=1280, out_features=512))
model = dict(
    teacher=_base_.r34,
    teacher_ckpt=_base_.r34_ckpt,
    distiller=dict(
        connectors=dict(kernel_s=[projection, _base_.kernel])))
