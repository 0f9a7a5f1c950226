# MMPretrain's networks for ImageNet-1K and, for the teachers, the checkpoints
# that it publishes.
mbv2 = dict(
    cfg_path='mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py',
    pretrained=False)
r18 = dict(
    cfg_path='mmpretrain::resnet/resnet18_8xb32_in1k.py', pretrained=False)
r34 = dict(
    cfg_path='mmpretrain::resnet/resnet34_8xb32_in1k.py', pretrained=False)
r50 = dict(
    cfg_path='mmpretrain::resnet/resnet50_8xb32_in1k.py', pretrained=False)
r101 = dict(
    cfg_path='mmpretrain::resnet/resnet101_8xb32_in1k.py', pretrained=False)

r34_ckpt = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth'  # noqa: E501
r50_ckpt = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth'  # noqa: E501
r101_ckpt = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet101_8xb32_in1k_20210831-539c63f8.pth'  # noqa: E501
