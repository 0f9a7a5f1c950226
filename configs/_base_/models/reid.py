# The re-ID networks of Bag of Tricks (Luo et al., CVPR Workshops 2019) for the
# 1,041 persons of MSMT17: BNNeck, and a last stride of 1 in the ResNets. The
# backbones start from MMPretrain's ImageNet weights. MMPretrain's MobileNetV2
# has no option for its last stride; published re-ID results with MobileNetV2
# use a last stride of 2, too.


def network(width, checkpoint, **backbone):
    weights = dict(
        type='Pretrained',
        checkpoint='https://download.openmmlab.com/mmclassification/v0/' +
        checkpoint,
        prefix='backbone')
    return dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=dict(**backbone, init_cfg=weights),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='ReIDHead',
            num_classes=1041,
            in_channels=width,
            loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1),
            triplet=dict(type='BatchHardTripletLoss', margin=0.3)))


def resnet(depth, width, date_and_hash):
    return network(
        width,
        f'resnet/resnet{depth}_8xb32_in1k_{date_and_hash}.pth',
        type='ResNet',
        depth=depth,
        strides=(1, 2, 2, 1))


mbv2 = network(
    1280,
    'mobilenet_v2/mobilenet_v2_batch256_imagenet_20200708-3b2dc3af.pth',
    type='MobileNetV2',
    widen_factor=1.0)
r18 = resnet(18, 512, '20210831-fbbb1da6')
r50 = resnet(50, 2048, '20210831-ea4938fc')
r101 = resnet(101, 2048, '20210831-539c63f8')
