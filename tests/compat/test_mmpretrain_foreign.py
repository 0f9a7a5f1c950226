"""Classifiers of other packages keep the weights that they were built with."""
import sys
from inspect import unwrap
from types import ModuleType, SimpleNamespace

import pytest
import torch
from mmpretrain.models import HuggingFaceClassifier, TimmClassifier
from torch import nn

from mmcckd.compat.mmpretrain_foreign import _keeping


class Foreign(nn.Module):
    """A network that initializes itself, as in both packages."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def init_weights(self):
        nn.init.zeros_(self.fc.weight)

    def forward(self, x):
        return self.fc(x)


def create_model(name, pretrained=False, checkpoint_path=''):
    model = Foreign()
    if pretrained or checkpoint_path:
        model.load_state_dict({
            'fc.weight': torch.ones(2, 3),
            'fc.bias': torch.ones(2)
        })
    return model


class Auto:

    @staticmethod
    def from_pretrained(name):
        model = Foreign()
        nn.init.ones_(model.fc.weight)  # in a way of its own
        return model

    @staticmethod
    def from_config(config):
        return Foreign()


@pytest.fixture
def stand_ins(monkeypatch):
    timm, transformers = ModuleType('timm'), ModuleType('transformers')
    timm.models = ModuleType('timm.models')
    timm.models.create_model = create_model
    transformers.AutoModelForImageClassification = Auto
    transformers.AutoConfig = SimpleNamespace(
        from_pretrained=lambda name: None)
    for name, module in (('timm', timm), ('timm.models', timm.models),
                         ('transformers', transformers)):
        monkeypatch.setitem(sys.modules, name, module)
    for classifier in (TimmClassifier, HuggingFaceClassifier):
        # MMPretrain locks them where the packages are not installed.
        monkeypatch.setattr(classifier, '__init__',
                            _keeping(unwrap(classifier.__init__)))


@pytest.mark.parametrize('classifier, arguments, value', [
    (TimmClassifier, dict(pretrained=True), 1),
    (TimmClassifier, dict(checkpoint_path='weights.pth'), 1),
    (TimmClassifier, dict(), 0),
    (HuggingFaceClassifier, dict(pretrained=True), 1),
    (HuggingFaceClassifier, dict(), 0),
])
def test_what_was_loaded_is_kept(stand_ins, classifier, arguments, value):
    model = classifier('a name', **arguments)
    model.init_weights()
    assert (model.model.fc.weight == value).all()


def test_a_model_of_timm(tmp_path):
    timm = pytest.importorskip('timm')
    name = 'vit_tiny_patch16_224'
    source = timm.create_model(name)
    torch.save(source.state_dict(), tmp_path / 'vit.pth')
    model = TimmClassifier(name, checkpoint_path=str(tmp_path / 'vit.pth'))
    model.init_weights()
    for key, tensor in source.state_dict().items():
        assert torch.equal(model.model.state_dict()[key], tensor), key
