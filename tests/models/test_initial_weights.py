"""Whatever way weights come, they fit and stay, or there is an error."""
import copy
import logging
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.logging import MMLogger
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.runner import load_checkpoint
from mmrazor.registry import MODELS
from torch import nn

CONFIG = Path(__file__).parents[2] / 'configs/cckd/r18w16_r10w6_digits.py'
PUBLISHED = 'mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py'


@ROOT_MODELS.register_module()
class ForeignBackbone(nn.Module):
    """As timm's: loads its weights when built, and initializes itself."""

    def __init__(self, width=128, pretrained=True):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.norm = nn.BatchNorm2d(width)
        if pretrained:
            self.load_state_dict({
                name: torch.full_like(tensor, 0.25)
                for name, tensor in self.state_dict().items()
            })

    def init_weights(self):
        nn.init.zeros_(self.conv.weight)
        self.norm.reset_running_stats()

    def forward(self, x):
        return (self.norm(self.conv(x)), )

    def is_pretrained(self):
        return all((tensor == 0.25).all() for name, tensor in
                   self.state_dict().items() if 'num' not in name)


@pytest.fixture(scope='module')
def cfg():
    return Config.fromfile(CONFIG)


@pytest.fixture
def path(cfg, tmp_path):
    """A checkpoint of the teacher."""
    torch.manual_seed(1)
    teacher = MODELS.build(cfg.model.teacher)
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / 'teacher.pth')
    return str(tmp_path / 'teacher.pth')


@pytest.fixture
def warnings(caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield lambda: [
        record.getMessage() for record in caplog.records
        if record.levelno == logging.WARNING and
        'teacher' in record.getMessage()
    ]
    logger.removeHandler(caplog.handler)


def algorithm(cfg, teacher, **changes):
    return MODELS.build({
        **copy.deepcopy(cfg.model), 'teacher_ckpt': None,
        'teacher': teacher,
        **changes
    })


def teacher_config(cfg, init_cfg=None, backbone_init_cfg=None, **changes):
    teacher = copy.deepcopy(cfg.model.teacher)
    if init_cfg:
        teacher.init_cfg = init_cfg
    if backbone_init_cfg:
        teacher.backbone.init_cfg = backbone_init_cfg
    return {**teacher, **changes}


def pretrained(path, **changes):
    return dict(type='Pretrained', checkpoint=path, **changes)


def assert_loaded(teacher, path, prefix=''):
    state = torch.load(path)['state_dict']
    for name, tensor in teacher.state_dict().items():
        if name.startswith(prefix):
            assert torch.equal(tensor, state[name]), name


def test_init_cfg_of_the_teacher(cfg, path, warnings):
    model = algorithm(cfg, teacher_config(cfg, init_cfg=pretrained(path)))
    model.init_weights()
    assert_loaded(model.teacher, path)
    assert not warnings()


def test_init_cfg_of_the_backbone(cfg, path, warnings):
    init_cfg = pretrained(path, prefix='backbone')
    model = algorithm(cfg, teacher_config(cfg, backbone_init_cfg=init_cfg))
    model.init_weights()
    assert_loaded(model.teacher, path, 'backbone.')
    message, = warnings()
    assert '2 of the 62 weights of the teacher are random' in message
    assert 'head.fc.weight, head.fc.bias.' in message


@pytest.mark.parametrize('where', ['init_cfg', 'backbone_init_cfg'])
@pytest.mark.parametrize('spoil, message', [
    (lambda state: state.pop('backbone.conv1.weight'),
     r'missing \(1\): (backbone.)?conv1.weight'),
    (lambda state: state.update({'backbone.conv1.bias': torch.ones(1)}),
     r'unexpected \(1\): (backbone.)?conv1.bias'),
    (lambda state: state.update({'backbone.bn1.bias': torch.ones(3)}),
     r'other shape \(1\): (backbone.)?bn1.bias \(3,?\) for \(16,?\)'),
], ids=['missing', 'unexpected', 'shape'])
def test_init_cfg_that_does_not_fit(cfg, path, where, spoil, message):
    state = torch.load(path)['state_dict']
    spoil(state)
    torch.save(dict(state_dict=state), path)
    prefix = 'backbone' if where == 'backbone_init_cfg' else None
    init_cfg = pretrained(path, prefix=prefix)
    model = algorithm(cfg, teacher_config(cfg, **{where: init_cfg}))
    with pytest.raises(ValueError, match=f'teacher, a .*:\n  {message}'):
        model.init_weights()


@pytest.mark.parametrize('prefix', [None, 'model.backbone'])
def test_init_cfg_without_the_prefix(cfg, path, prefix):
    init_cfg = pretrained(path, prefix=prefix)
    model = algorithm(cfg, teacher_config(cfg, backbone_init_cfg=init_cfg))
    with pytest.raises(ValueError, match='fit'):
        model.init_weights()


def test_init_cfg_of_the_student_that_fits_nothing(cfg, path):
    student = copy.deepcopy(cfg.model.architecture)
    student.backbone.init_cfg = pretrained(path)
    model = algorithm(cfg, cfg.model.teacher, architecture=student)
    with pytest.raises(ValueError, match="no weight.* prefix='backbone' in"):
        model.init_weights()


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The published checkpoint, as if it had been downloaded."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    config = get_config(PUBLISHED, pretrained=True)
    folder = tmp_path / 'hub/checkpoints'
    folder.mkdir(parents=True)
    network = MODELS.build(dict(cfg_path=PUBLISHED))
    return folder / Path(config.model_path).name, network


def test_pretrained_beside_cfg_path(cfg, published, warnings):
    path, network = published
    torch.save(dict(state_dict=network.state_dict()), path)
    teacher = dict(cfg_path=PUBLISHED, pretrained=True)
    model = algorithm(cfg, teacher, distiller=NOTHING)
    model.init_weights()
    assert_loaded(model.teacher, path)
    assert not warnings()

    state = network.state_dict()
    state['head.fc.bias'] = torch.ones(2)
    torch.save(dict(state_dict=state), path)
    with pytest.raises(
            ValueError,
            match='pretrained weights do not fit the teacher, a '
            r'ImageClassifier:\n  other shape \(1\): head.fc.bias \(2,\)'):
        algorithm(cfg, teacher, distiller=NOTHING)


NOTHING = dict(type='ConfigurableDistiller')


def test_weights_of_another_package(cfg, warnings):
    foreign = dict(type='ForeignBackbone')
    student = teacher_config(cfg, backbone=foreign)
    model = algorithm(
        cfg, copy.deepcopy(student), architecture=student, distiller=NOTHING)
    model.init_weights()
    assert model.teacher.backbone.is_pretrained()
    assert model.student.backbone.is_pretrained()
    message, = warnings()
    assert '2 of the 6 weights of the teacher are random' in message
    assert 'head.fc.weight, head.fc.bias.' in message


def test_init_cfg_of_the_parent_leaves_loaded_weights(cfg):
    teacher = teacher_config(
        cfg, backbone=dict(type='ForeignBackbone'),
        init_cfg=dict(type='Constant', layer='Conv2d', val=3.))
    model = algorithm(cfg, teacher, distiller=NOTHING)
    model.init_weights()
    assert model.teacher.backbone.is_pretrained()


def test_random_weights(cfg, warnings):
    foreign = dict(type='ForeignBackbone', pretrained=False)
    model = algorithm(
        cfg, teacher_config(cfg, backbone=foreign), distiller=NOTHING)
    model.init_weights()
    assert (model.teacher.backbone.conv.weight == 0).all()  # its own
    message, = warnings()
    assert 'distills from random weights' in message


def test_weights_that_a_hook_loads_before_the_run(cfg, path, warnings):
    """MMEngine initializes after before_run."""
    model = algorithm(cfg, cfg.model.teacher)
    load_checkpoint(model.teacher, path)
    model.init_weights()
    assert_loaded(model.teacher, path)

    state = torch.load(path)['state_dict']
    head = {name[len('head.'):]: tensor for name, tensor in state.items()
            if name.startswith('head.')}
    model = algorithm(cfg, cfg.model.teacher)
    model.teacher.head.load_state_dict(head)
    assert not warnings()
    model.init_weights()
    assert_loaded(model.teacher, path, 'head.')
    message, = warnings()
    assert '60 of the 62 weights of the teacher are random' in message


def test_a_model_that_is_given(cfg, path, warnings):
    teacher = MODELS.build(teacher_config(cfg, init_cfg=pretrained(path)))
    before = copy.deepcopy(teacher.state_dict())
    model = algorithm(cfg, teacher)
    model.init_weights()
    for name, tensor in before.items():
        assert torch.equal(tensor, teacher.state_dict()[name])
    message, = warnings()
    assert 'call the init_weights() of the teacher' in message

    teacher = MODELS.build(teacher_config(cfg, init_cfg=pretrained(path)))
    teacher.init_weights()
    algorithm(cfg, teacher).init_weights()
    assert_loaded(teacher, path)
    assert len(warnings()) == 1


def test_a_classifier_of_timm(cfg, tmp_path, warnings):
    timm = pytest.importorskip('timm')
    torch.save(timm.create_model('resnet18').state_dict(),
               tmp_path / 'timm.pth')
    teacher = dict(
        type='mmpretrain.TimmClassifier', model_name='resnet18',
        checkpoint_path=str(tmp_path / 'timm.pth'))
    model = algorithm(cfg, teacher, distiller=NOTHING)
    model.init_weights()
    state = torch.load(tmp_path / 'timm.pth')
    for name, tensor in model.teacher.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    assert not warnings()
    load_checkpoint(model.teacher, str(tmp_path / 'timm.pth'))
    model = algorithm(cfg, dict(teacher, checkpoint_path=''),
                      teacher_ckpt=str(tmp_path / 'timm.pth'),
                      distiller=NOTHING)
    model.init_weights()
    for name, tensor in model.teacher.state_dict().items():
        assert torch.equal(tensor, state[name]), name
