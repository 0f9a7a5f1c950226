"""A teacher that is loaded during a run fits, or is refused."""
import copy
import functools
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner, load_checkpoint
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.models.algorithms.teacher_checkpoint import load_teacher_checkpoint

CONFIG = Path(__file__).parents[2] / 'configs/cckd/r18w16_r10w6_digits.py'


@pytest.fixture(scope='module')
def cfg():
    return Config.fromfile(CONFIG)


@pytest.fixture(scope='module')
def checkpoints(cfg, tmp_path_factory):
    """Two teachers; their BatchNorms are not the identity."""
    paths = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        teacher = MODELS.build(cfg.model.teacher)
        for module in teacher.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.normal_(module.running_mean)
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.normal_(module.bias)
        paths.append(str(tmp_path_factory.mktemp('teachers') / 'teacher.pth'))
        torch.save(dict(state_dict=teacher.state_dict()), paths[-1])
    return paths


@pytest.fixture
def without_a_compiler(monkeypatch):
    monkeypatch.setattr(
        torch, 'compile', functools.partial(torch.compile, backend='eager'))


def logits(cfg, checkpoint, images):
    """Of the network as MMPretrain runs it."""
    teacher = MODELS.build(cfg.model.teacher)
    teacher.load_state_dict(torch.load(checkpoint)['state_dict'])
    return teacher.eval()(images)


def algorithm(cfg, checkpoint=None, **changes):
    torch.manual_seed(0)
    return MODELS.build({
        **copy.deepcopy(cfg.model),
        'data_preprocessor': cfg.data_preprocessor,
        'teacher_ckpt': checkpoint,
        **changes
    })


@pytest.fixture
def images():
    return torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def prepare(model, images):
    model.run_teacher(images)


class TeacherOfEachEpoch(Hook):
    """What MMRazor's maintainers advise."""

    def __init__(self, checkpoints):
        self.checkpoints = checkpoints

    def before_train_epoch(self, runner):
        load_checkpoint(runner.model.teacher, self.checkpoints[runner.epoch])


def train(cfg, folder, hooks=(), epochs=2, **model):
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(
        dict(work_dir=str(folder), experiment_name=folder.name,
             log_level='WARNING', train_cfg=dict(max_epochs=epochs),
             model=model))
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner.model


@pytest.mark.parametrize('changes, tolerance', [
    (dict(), 1e-4),
    (dict(teacher_dtype='bfloat16', compile=True), 0.1),
])
def test_a_teacher_of_each_epoch(cfg, checkpoints, images, tmp_path,
                                 without_a_compiler, changes, tolerance):
    model = train(cfg, tmp_path, [TeacherOfEachEpoch(checkpoints)],
                  teacher_ckpt=checkpoints[1], **changes)
    # The second was prepared like the first.
    assert model.inference.preparation.folded
    expected = logits(cfg, checkpoints[1], images)
    found = model.teacher(images).float()
    torch.testing.assert_close(
        found, expected, rtol=tolerance,
        atol=tolerance * expected.abs().max().item())
    # ... and is as near to it as one that was the only one.
    only = algorithm(cfg, checkpoints[1], **changes)
    prepare(only, images)
    assert torch.equal(model.teacher(images), only.teacher(images))


def by_torch(teacher, checkpoint):
    teacher.load_state_dict(torch.load(checkpoint)['state_dict'])


LOADERS = pytest.mark.parametrize(
    'load', [load_checkpoint, by_torch, load_teacher_checkpoint])


@LOADERS
def test_whatever_loads(cfg, checkpoints, images, load):
    model = algorithm(cfg, checkpoints[0])
    for checkpoint in (*checkpoints, *checkpoints):
        prepare(model, images)
        load(model.teacher, checkpoint)
        assert model.inference.preparation is None
        assert torch.equal(
            model.teacher(images), logits(cfg, checkpoint, images))


@LOADERS
@pytest.mark.parametrize('prepared', [True, False])
@pytest.mark.parametrize('spoil, message', [
    (lambda state: state.pop('backbone.layer1.0.bn1.weight'),
     r'missing \(1\): backbone.layer1.0.bn1.weight'),
    (lambda state: state.update(extra=torch.ones(1)),
     r'unexpected \(1\): extra'),
    (lambda state: state.update({'head.fc.bias': torch.ones(3)}),
     r'other shape \(1\): head.fc.bias \(3,?\) for \(10,?\)'),
], ids=['missing', 'unexpected', 'shape'])
def test_what_does_not_fit_is_refused(cfg, checkpoints, images, tmp_path,
                                      load, prepared, spoil, message):
    model = algorithm(cfg, checkpoints[0])
    if prepared:
        prepare(model, images)
    state = torch.load(checkpoints[1])['state_dict']
    spoil(state)
    torch.save(dict(state_dict=state), tmp_path / 'other.pth')
    with pytest.raises(
            ValueError,
            match=f'does not fit the teacher, a ImageClassifier:\n.*{message}'
    ):
        load(model.teacher, str(tmp_path / 'other.pth'))


def test_after_a_failure_the_teacher_does_not_run(cfg, checkpoints, images,
                                                  tmp_path):
    model = algorithm(cfg, checkpoints[0])
    prepare(model, images)
    torch.save(dict(a=torch.ones(1)), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='does not fit the teacher'):
        load_checkpoint(model.teacher, str(tmp_path / 'other.pth'))
    with pytest.raises(ValueError, match='that were loaded last did not fit'):
        prepare(model, images)
    load_checkpoint(model.teacher, checkpoints[1])
    prepare(model, images)


def test_a_part_is_taken_before_the_first_batch_alone(cfg, checkpoints,
                                                      images, tmp_path):
    state = torch.load(checkpoints[1])['state_dict']
    part = {name[len('backbone.'):]: tensor for name, tensor in state.items()
            if name.startswith('backbone.')}
    part['fc.weight'] = torch.ones(1)  # of a module that backbones have not
    torch.save(part, tmp_path / 'part.pth')

    model = algorithm(cfg, checkpoints[0])
    load_checkpoint(model.teacher.backbone, str(tmp_path / 'part.pth'))
    assert torch.equal(model.teacher.backbone.conv1.weight,
                       state['backbone.conv1.weight'])
    prepare(model, images)
    with pytest.raises(ValueError, match='loaded into teacher.backbone, but'):
        load_checkpoint(model.teacher.backbone, str(tmp_path / 'part.pth'))

    part['layer1.7.conv1.weight'] = torch.ones(1)  # of a deeper one
    torch.save(part, tmp_path / 'part.pth')
    model = algorithm(cfg, checkpoints[0])
    with pytest.raises(
            ValueError,
            match='does not fit the backbone of the teacher, a ResNet_CIFAR:'
            r'\n  unexpected \(1\): layer1.7.conv1.weight'):
        load_checkpoint(model.teacher.backbone, str(tmp_path / 'part.pth'))


def test_a_copy_is_loaded_by_itself(cfg, checkpoints, images):
    model = algorithm(cfg, checkpoints[0], teacher_dtype='bfloat16')
    prepare(model, images)
    other = copy.deepcopy(model)
    load_checkpoint(other.teacher, checkpoints[1])
    assert torch.equal(
        other.teacher(images), logits(cfg, checkpoints[1], images))
    assert other.inference.preparation is None
    assert model.inference.preparation.teacher is model.teacher
    only = algorithm(cfg, checkpoints[0], teacher_dtype='bfloat16')
    prepare(only, images)
    assert torch.equal(model.teacher(images), only.teacher(images))


def test_the_recorders_of_a_copy_hear_the_copy(cfg, checkpoints, images):
    model = algorithm(cfg, checkpoints[0])
    other = copy.deepcopy(model)
    with other.distiller.teacher_recorders, model.distiller.teacher_recorders:
        other.teacher(images)
    for each, calls in ((other, 1), (model, 0)):
        for recorder in each.distiller.teacher_recorders.recorders.values():
            assert len(recorder.data_buffer) == calls


def test_average_of_a_compiled_model(cfg, checkpoints, images, tmp_path,
                                     without_a_compiler):
    """MMEngine averages a deep copy, and swaps the weights to save them."""
    average = EMAHook(momentum=0.5)
    model = train(cfg, tmp_path, [average], epochs=1,
                  teacher_ckpt=checkpoints[0], compile=True)
    averaged = average.ema_model.module
    assert not torch.equal(averaged.student.head.fc.weight,
                           model.student.head.fc.weight)
    file = tmp_path / 'whole.pth'
    torch.save(model, file)
    again = torch.load(file, weights_only=False)
    for each in (model, averaged, again):
        student = MODELS.build(cfg.model.architecture).eval()
        student.load_state_dict(each.student.state_dict())
        torch.testing.assert_close(
            each.eval().student(images), student(images))
        torch.testing.assert_close(
            each.teacher(images), model.teacher(images), rtol=1e-4, atol=1e-4)
