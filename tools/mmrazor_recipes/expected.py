"""What is expected of the recipes, in the three ways of training them."""
SHIPPED, MIXED, FROZEN = WAYS = ('as shipped', '--mix-cc', '--frozen-teacher')

# Recipes that are refused: a part of the error, and the reason for the table.
NO_TEACHER = ('this one has none',
              'it distills from itself, without a teacher')
OTHER = ('does more with its teacher', 'it has another algorithm')
NOT_TRAINED = ('student_trainable=False',
               'it trains no student; add CC to `…_train.py`')
SUPERNET = ('is the largest subnet of the student',
            'its teacher is trained, as the largest subnet of the student')
REFUSALS = {
    'distill/mmcls/byot/byot_resnet18_8xb16_cifar100.py': {
        MIXED: NO_TEACHER,
        FROZEN: NO_TEACHER
    },
    'distill/mmcls/dafl/dafl_logits_resnet34_resnet18_8xb256_cifar10.py': {
        FROZEN: OTHER
    },
    'distill/mmcls/dfad/dfad_logits_resnet34_resnet18_8xb32_cifar10.py': {
        FROZEN: OTHER
    },
    'distill/mmcls/factor_transfer/factor-transfer_backbone_resnet50_resnet18_'
    '8xb16_cifar10_pretrain.py': {
        MIXED: NOT_TRAINED
    },
    'distill/mmcls/ofd/ofd_backbone_resnet50_resnet18_8xb16_cifar10.py': {
        FROZEN: OTHER
    },
    'distill/mmcls/zskt/zskt_backbone_logits_resnet34_resnet18_8xb16_'
    'cifar10.py': {
        FROZEN: OTHER
    },
    'nas/mmcls/autoslim/autoslim_mbv2_1.5x_supernet_8xb256_in1k.py': {
        FROZEN: SUPERNET
    },
    'nas/mmcls/bignas/attentive_mobilenet_supernet_32xb64_in1k.py': {
        FROZEN: SUPERNET
    },
    'nas/mmcls/onceforall/ofa_mobilenet_supernet_32xb64_in1k.py': {
        FROZEN: SUPERNET
    },
    'pruning/mmcls/dmcp/dmcp_mbv2_supernet_32xb64.py': {
        FROZEN: SUPERNET
    },
    'pruning/mmcls/dmcp/dmcp_resnet50_supernet_32xb64.py': {
        FROZEN: SUPERNET
    },
}
