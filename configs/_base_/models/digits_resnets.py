# Small ResNets for 8 x 8 gray images. r18w16: 18 layers, 16 base channels.


def network(width, **backbone):
    return dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=dict(
            type='ResNet_CIFAR', depth=18, in_channels=1, **backbone),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=10,
            in_channels=width,
            loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))


# The teacher: ResNet-18 of a quarter of the width, 701 k parameters.
r18w16 = network(
    128,
    stem_channels=16,
    base_channels=16,
    num_stages=4,
    out_indices=(3, ))

# The student: a tenth of the width, and without the last two stages, which
# leaves 10 layers; 6 k parameters.
r10w6 = network(
    12,
    stem_channels=6,
    base_channels=6,
    num_stages=2,
    strides=(1, 2),
    dilations=(1, 1),
    out_indices=(1, ))
