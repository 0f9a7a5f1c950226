# Networks of the CRD tables (Tian et al., ICLR 2020) for CIFAR-100. rD is
# ResNet-D; rDx4 is four times as wide; wrnDx2 is WRN-D-2.


def network(width, **backbone):
    return dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=backbone,
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=100,
            in_channels=width,
            loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))


r20, r32, r56, r110 = (
    network(64, type='CIFARResNet', depth=depth)
    for depth in (20, 32, 56, 110))
r8x4, r32x4 = (
    network(
        256,
        type='CIFARResNet',
        depth=depth,
        base_channels=64,
        stem_channels=32) for depth in (8, 32))
wrn16x2, wrn40x2 = (
    network(128, type='mmrazor.WideResNet', depth=depth, widen_factor=2)
    for depth in (16, 40))
