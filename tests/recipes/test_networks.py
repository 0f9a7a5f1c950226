import pytest
from mmrazor.registry import MODELS

from mmcckd.config_files.without_weights import without_weights
from mmcckd.engine.config_arguments import read_config
from mmcckd.recipes.networks import build_networks

MMRAZOR = 'mmrazor::distill/mmcls/'
RECIPES = dict(
    teacher=MMRAZOR + 'rkd/rkd_neck_resnet34_resnet18_8xb32_in1k.py',
    teachers=MMRAZOR + 'dfad/dfad_logits_resnet34_resnet18_8xb32_cifar10.py')


@pytest.fixture(params=RECIPES)
def recipe(request, monkeypatch):
    def fail(*args, **kwargs):
        pytest.fail(f'asked for weights: {args}')

    for name in ('mmengine.hub.hub', 'mmrazor.models.algorithms.distill.'
                 'configurable.single_teacher_distill',
                 'mmrazor.models.algorithms.distill.configurable.'
                 'datafree_distillation'):
        monkeypatch.setattr(f'{name}.load_checkpoint', fail)
    return read_config(RECIPES[request.param])


def test_build_networks(recipe):
    given = recipe.to_dict()
    student, teacher = build_networks(recipe)
    assert student.backbone.depth == 18
    teachers = [teacher] if 'teacher' in recipe.model else teacher.values()
    assert [network.backbone.depth for network in teachers] == [34]
    assert recipe.to_dict() == given


def test_the_algorithm_asks_for_no_weights(recipe):
    model = without_weights(recipe.model)
    assert model.distiller == recipe.model.distiller
    algorithm = MODELS.build(model)
    assert algorithm.student.backbone.depth == 18


def test_it_would_ask_for_them(recipe):
    with pytest.raises(pytest.fail.Exception, match='asked for weights'):
        MODELS.build(recipe.model)
