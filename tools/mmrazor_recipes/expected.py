"""What is expected of the recipes in three ways of training them."""
SHIPPED, MIXED, FROZEN = WAYS = ('as shipped', '--mix-cc', '--frozen-teacher')
BATCH_SIZE = 8

# Sources for recipes in which the student has no neck.
SOURCES = {
    'deit/deit-base_regnety160_pt-16xb64_in1k.py':
    dict(student='head.layers.head_dist', teacher='head.fc')
}
# Recipes that are refused: a part of the error, and the reason for the table.
NO_TEACHER = ('this one has none',
              'it distills from itself, without a teacher')
OTHER = ('does more with its teacher', 'it has another algorithm')
NOT_TRAINED = ('student_trainable=False',
               'it trains no student; add CC to `…_train.py`')
REFUSALS = {
    'byot/byot_resnet18_8xb16_cifar100.py': {
        MIXED: NO_TEACHER,
        FROZEN: NO_TEACHER
    },
    'dafl/dafl_logits_resnet34_resnet18_8xb256_cifar10.py': {
        FROZEN: OTHER
    },
    'dfad/dfad_logits_resnet34_resnet18_8xb32_cifar10.py': {
        FROZEN: OTHER
    },
    'factor_transfer/factor-transfer_backbone_resnet50_resnet18_8xb16_cifar10'
    '_pretrain.py': {
        MIXED: NOT_TRAINED
    },
    'ofd/ofd_backbone_resnet50_resnet18_8xb16_cifar10.py': {
        FROZEN: OTHER
    },
    'zskt/zskt_backbone_logits_resnet34_resnet18_8xb16_cifar10.py': {
        FROZEN: OTHER
    },
}
