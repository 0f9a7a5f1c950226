"""Recipes of MMRazor that name arguments its classes do not have."""
import pytest
import torch
from mmengine.registry import DefaultScope
from mmrazor.models.losses import DISTLoss
from mmrazor.models.mutators import NasMutator
from mmrazor.registry import MODELS

from mmcckd.engine.config_arguments import read_config

OFA = 'mmrazor::nas/mmcls/onceforall/ofa_mobilenet_supernet_32xb64_in1k.py'
DIST = ('mmrazor::pruning/mmcls/group_fisher/resnet50/'
        'group_fisher_act_finetune_resnet50_8xb32_in1k_dist.py')


def test_once_for_all_is_built():
    model = read_config(OFA).model
    assert 'mutator' not in model  # the argument that BigNAS has
    with DefaultScope.overwrite_default_scope('mmrazor'):
        assert isinstance(MODELS.build(model).mutator, NasMutator)


def test_both_mutators():
    """The right name wins, as in a config that corrects the recipe."""
    model = read_config(OFA).model
    model.mutator = model.pop('mutators')
    model.mutators = dict(type='NoSuchMutator')
    with DefaultScope.overwrite_default_scope('mmrazor'):
        assert isinstance(MODELS.build(model).mutator, NasMutator)


def test_the_mapping_of_the_dist_recipe():
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 4, 10)
    distiller = read_config(DIST).model.distiller
    names = set(distiller.loss_forward_mappings.loss_kl)
    assert names == {'preds_S', 'preds_T'}
    with DefaultScope.overwrite_default_scope('mmrazor'):
        MODELS.build(distiller)  # our checks accept it
    loss = DISTLoss()
    assert loss(preds_S=student, preds_T=teacher) == loss(student, teacher)
    assert loss(logits_S=student, logits_T=teacher) == loss(student, teacher)


@pytest.mark.parametrize('arguments', [{}, dict(preds_S=torch.ones(2, 3))])
def test_a_missing_argument(arguments):
    with pytest.raises(AttributeError):
        DISTLoss()(**arguments)
