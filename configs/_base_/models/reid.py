# The re-ID networks of Bag of Tricks (Luo et al., CVPR Workshops 2019) for the
# 1,041 persons of MSMT17: BNNeck, and a last stride of 1 in the ResNets, from
# MMPretrain's ImageNet weights. MMPretrain's MobileNetV2 has no such option;
# its re-ID numbers are published with a last stride of 2, too.

mbv2 = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    backbone=dict(
        type='MobileNetV2',
        widen_factor=1.0,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/mobilenet_v2/mobilenet_v2_batch256_imagenet_20200708-3b2dc3af.pth',  # noqa: E501
            prefix='backbone')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='ReIDHead',
        num_classes=1041,
        in_channels=1280,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1),
        triplet=dict(type='BatchHardTripletLoss', margin=0.3)))

r18 = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    backbone=dict(
        type='ResNet',
        depth=18,
        strides=(1, 2, 2, 1),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet18_8xb32_in1k_20210831-fbbb1da6.pth',  # noqa: E501
            prefix='backbone')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='ReIDHead',
        num_classes=1041,
        in_channels=512,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1),
        triplet=dict(type='BatchHardTripletLoss', margin=0.3)))

r50 = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    backbone=dict(
        type='ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth',  # noqa: E501
            prefix='backbone')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='ReIDHead',
        num_classes=1041,
        in_channels=2048,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1),
        triplet=dict(type='BatchHardTripletLoss', margin=0.3)))

r101 = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    backbone=dict(
        type='ResNet',
        depth=101,
        strides=(1, 2, 2, 1),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet101_8xb32_in1k_20210831-539c63f8.pth',  # noqa: E501
            prefix='backbone')),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='ReIDHead',
        num_classes=1041,
        in_channels=2048,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1),
        triplet=dict(type='BatchHardTripletLoss', margin=0.3)))
