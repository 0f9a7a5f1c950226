# MMPretrain's networks for ImageNet-1K and, for the teachers, the checkpoints
# that it publishes.
mbv2 = dict(
    cfg_path='mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py',
    pretrained=False)
r18, r34, r50, r101 = (
    dict(
        cfg_path=f'mmpretrain::resnet/resnet{depth}_8xb32_in1k.py',
        pretrained=False) for depth in (18, 34, 50, 101))
deit_b = dict(
    cfg_path='mmpretrain::deit/deit-base_16xb64_in1k.py', pretrained=False)
swin_t = dict(
    cfg_path='mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py',
    pretrained=False)

r34_ckpt = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth'  # noqa: E501
r50_ckpt = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth'  # noqa: E501
r101_ckpt = 'https://download.openmmlab.com/mmclassification/v0/resnet/resnet101_8xb32_in1k_20210831-539c63f8.pth'  # noqa: E501
deit_b_ckpt = 'https://download.openmmlab.com/mmclassification/v0/deit/deit-base_pt-16xb64_in1k_20220216-db63c16c.pth'  # noqa: E501
swin_t_ckpt = 'https://download.openmmlab.com/mmclassification/v0/swin-transformer/swin_tiny_224_b16x64_300e_imagenet_20210616_090925-66df6be6.pth'  # noqa: E501
