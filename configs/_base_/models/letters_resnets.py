# ResNets for letters and kanji, 32 x 32 gray images. r14w24: 14 layers, and
# 24, 48 and 96 channels in the three stages. The first convolution has stride
# 2, so that a quarter of the operations is left.
num_classes = 1000


def network(depth, base_channels):
    return dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=dict(
            type='CIFARResNet',
            depth=depth,
            base_channels=base_channels,
            in_channels=1,
            stem_stride=2),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            # Predicts the feature for retrieval as well.
            type='RetrievalClsHead',
            num_classes=num_classes,
            in_channels=4 * base_channels,
            loss=dict(type='CrossEntropyLoss', loss_weight=1.0)))


# The teachers of kanji and of letters, and the student.
r14w24, r14w16, r8w8 = network(14, 24), network(14, 16), network(8, 8)
