"""Networks that are named by a config file."""
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DefaultScope
from mmengine.runner import save_checkpoint
from mmpretrain.models import ImageClassifier
from mmrazor.registry import MODELS

from mmcckd.config_files.cfg_path import expand_cfg_path

ROOT = Path(__file__).parent.parent.parent
RESNET = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
MBV2 = 'mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py'
DIGITS = 'mmcckd::baseline/r10w6_digits.py'


def test_keys_beside_it_override(tmp_path):
    model = MODELS.build(
        dict(
            cfg_path=RESNET,
            pretrained=False,
            backbone=dict(frozen_stages=1),
            head=dict(num_classes=2),
            data_preprocessor=dict(mean=[1, 2, 3])))
    assert type(model) is ImageClassifier
    assert model.head.fc.weight.shape == (2, 512)
    assert model.backbone.depth == 18 and model.backbone.frozen_stages == 1
    assert model.data_preprocessor.mean.flatten().tolist() == [1, 2, 3]
    assert model.data_preprocessor.std.flatten().tolist() == pytest.approx(
        [58.395, 57.12, 57.375])


def test_as_a_base_is_merged():
    """With _delete_; the config that is given is left as it is."""
    given = Config(dict(network=dict(
        cfg_path=RESNET, neck=None, head=dict(
            _delete_=True, type='LinearClsHead', num_classes=2,
            in_channels=512)))).network
    before = given.to_dict()
    model = expand_cfg_path(given)
    assert given.to_dict() == before
    assert model.head == dict(
        type='LinearClsHead', num_classes=2, in_channels=512)
    assert model.neck is None
    assert model.type == 'ImageClassifier' and model._scope_ == 'mmpretrain'
    assert 'cfg_path' not in model


def test_nothing_beside_it():
    model = expand_cfg_path(dict(cfg_path=MBV2, _scope_='mmrazor'))
    plain = get_config(MBV2)
    expected = dict(plain.model.to_dict(), _scope_='mmpretrain',
                    data_preprocessor=plain.data_preprocessor.to_dict())
    assert model.to_dict() == expected


def test_configs_of_mmcckd():
    model = MODELS.build(dict(cfg_path=DIGITS, head=dict(num_classes=3)))
    assert model.head.fc.weight.shape == (3, 12)
    assert model.data_preprocessor.mean.flatten().tolist() == [78]


def test_plain_files(tmp_path, monkeypatch):
    path = tmp_path / 'net.py'
    base = str(ROOT / 'configs/baseline/r10w6_digits.py')
    path.write_text(f'_base_ = {base!r}')
    for name in (str(path), 'net.py'):  # relative to the working directory
        monkeypatch.chdir(tmp_path)
        model = MODELS.build(dict(cfg_path=name, head=dict(num_classes=3)))
        assert model.head.fc.weight.shape == (3, 12)


def test_the_default_scope_of_the_process_stays():
    MODELS.build(dict(cfg_path=DIGITS))
    MODELS.build(dict(cfg_path=MBV2))
    assert DefaultScope.get_current_instance() is None


def test_in_a_distillation(tmp_path):
    """What an error about the number of classes tells the user to do."""
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    cfg.model.teacher_ckpt = None
    cfg.model.architecture = dict(cfg_path=DIGITS)
    cfg.model.teacher = dict(cfg_path='mmcckd::baseline/r18w16_digits.py',
                             head=dict(num_classes=5))
    with pytest.raises(ValueError, match='set num_classes of the head'):
        MODELS.build(cfg.model)
    cfg.model.architecture.head = dict(num_classes=5)
    algorithm = MODELS.build(cfg.model)
    assert algorithm.student.head.num_classes == 5
    assert algorithm.teacher.head.num_classes == 5


def test_pretrained(tmp_path, monkeypatch):
    """As the package publishes it, or from a file."""
    saved = MODELS.build(dict(cfg_path=DIGITS))
    path = str(tmp_path / 'net.pth')
    save_checkpoint(dict(state_dict=saved.state_dict()), path)
    given = MODELS.build(dict(cfg_path=DIGITS, pretrained=path))
    assert given.is_init
    for name, tensor in given.state_dict().items():
        assert torch.equal(tensor, saved.state_dict()[name]), name

    asked = []
    monkeypatch.setattr('mmengine.hub.hub.load_checkpoint',
                        lambda model, url, **_: asked.append(url))
    MODELS.build(dict(cfg_path=RESNET, pretrained=True))
    assert len(asked) == 1 and asked[0].startswith('https://')
    assert 'resnet18_8xb32_in1k_' in asked[0]


def test_weights_that_do_not_fit(tmp_path):
    saved = MODELS.build(dict(cfg_path=DIGITS))
    path = str(tmp_path / 'net.pth')
    save_checkpoint(dict(state_dict=saved.state_dict()), path)
    with pytest.raises(ValueError, match=r'do not fit mmcckd::(.|\n)*'
                       r'head\.fc\.weight(.|\n)*remove pretrained'):
        MODELS.build(dict(cfg_path=DIGITS, pretrained=path,
                          head=dict(num_classes=3)))


def test_weights_that_are_left_over(tmp_path):
    """They are named in a warning; the network has all of its own."""
    saved = MODELS.build(dict(cfg_path=DIGITS))
    path = str(tmp_path / 'net.pth')
    weights = dict(saved.state_dict(), other=torch.zeros(1))
    save_checkpoint(dict(state_dict=weights), path)
    given = MODELS.build(dict(cfg_path=DIGITS, pretrained=path))
    assert torch.equal(given.head.fc.weight, saved.head.fc.weight)


@pytest.mark.parametrize('network, error, message', [
    (dict(cfg_path='/nowhere/net.py'), FileNotFoundError,
     'no config file at the cfg_path /nowhere/net.py; give package::path'),
    (dict(cfg_path='mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'),
     ModuleNotFoundError, 'of mmdet, which is not installed'),
    (dict(cfg_path='mmpretrain::_base_/default_runtime.py'), ValueError,
     'has no model'),
    (dict(cfg_path=DIGITS, pretrained=True), ValueError,
     'no weights are published for'),
    (dict(cfg_path=DIGITS, head=dict(num_clases=2)), TypeError,
     'num_clases'),
    (dict(
        cfg_path='mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py',
        train_cfg=dict(augments=dict(type='Mixup', alpha=.2))), ValueError,
     'cannot be merged into its model: augments='),
])
def test_errors(network, error, message):
    with pytest.raises(error, match=re.escape(message)):
        MODELS.build(network)
