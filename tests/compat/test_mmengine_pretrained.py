"""init_cfg=Pretrained fits, at least in part, or is refused."""
import pytest
import torch
from mmpretrain.registry import MODELS

CLASSIFIER = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='mmpretrain.ResNet_CIFAR',
        depth=18,
        base_channels=4,
        stem_channels=4),
    neck=dict(type='mmpretrain.GlobalAveragePooling'),
    head=dict(type='mmpretrain.LinearClsHead', num_classes=3, in_channels=32))


def build(init_cfg, part='backbone'):
    backbone = dict(CLASSIFIER['backbone'])
    model = dict(CLASSIFIER, backbone=backbone)
    (backbone if part == 'backbone' else model)['init_cfg'] = init_cfg
    return MODELS.build(model)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / 'classifier.pth')


@pytest.fixture
def classifier(path):
    model = MODELS.build(CLASSIFIER)
    torch.save(dict(state_dict=model.state_dict()), path)
    return model


def pretrained(path, **changes):
    return dict(type='Pretrained', checkpoint=path, **changes)


@pytest.mark.parametrize('part, prefix', [('backbone', 'backbone'),
                                          ('backbone', 'backbone.'),
                                          ('all', None)])
def test_what_fits_is_loaded(classifier, path, part, prefix):
    model = build(pretrained(path, prefix=prefix), part)
    model.init_weights()
    for name, tensor in classifier.state_dict().items():
        if part == 'all' or name.startswith('backbone'):
            assert torch.equal(model.state_dict()[name], tensor)


@pytest.mark.parametrize('part, prefix, message', [
    ('backbone', None, r"found backbone.\*, head.* with prefix='backbone' in"),
    ('backbone', 'back', "found backbone.* with prefix='backbone' in"),
    ('all', 'student', 'found backbone.* fit without a prefix'),
])
def test_what_fits_nowhere_is_refused(classifier, path, part, prefix, message):
    model = build(pretrained(path, prefix=prefix), part)
    with pytest.raises(ValueError, match=f'has no weight that fits.*{message}'
                       ):
        model.init_weights()


def test_another_network_is_refused(classifier, path):
    torch.save(
        dict(state_dict={
            name: torch.ones(1) for name in classifier.state_dict()
        }), path)
    model = build(pretrained(path), 'all')
    with pytest.raises(ValueError,
                       match='random weights.*of other shapes. Give a'):
        model.init_weights()


def test_a_part_may_fit(classifier, path):
    """Needed for fine-tuning."""
    state = {name: tensor for name, tensor in classifier.state_dict().items()
             if 'layer1.0' in name}
    torch.save(state, path)
    model = build(pretrained(path), 'all')
    model.init_weights()
    for name, tensor in state.items():
        assert torch.equal(model.state_dict()[name], tensor)
