import copy
import logging
import shutil
import tempfile

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import save_checkpoint
from mmengine.runner.checkpoint import get_state_dict
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.models import FrozenTeacherDistill


@MODELS.register_module()
class TinyClassifier(BaseModel):
    """A network that would reveal any mistake in the use of the teacher."""

    def __init__(self, width=8, init_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(width, 5)
        self.criterion = nn.CrossEntropyLoss()
        self.modes = []

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.modes.append((mode, torch.is_grad_enabled(), self.training))
        feature = self.dropout(self.bn(self.conv(inputs)).relu().mean((2, 3)))
        logits = self.fc(feature)
        if mode == 'loss':
            return dict(
                loss_cls=self.criterion(logits, data_samples),
                loss_parts=[logits.square().mean(), logits.mean()],
                accuracy=(logits.argmax(1) == data_samples).float().mean())
        return logits


def config(type='FrozenTeacherDistill', teacher=None, **changes):
    recorder = dict(type='ModuleOutputs', source='fc')
    feature = dict(type='ModuleOutputs', source='dropout')
    return dict(
        type=type,
        architecture=dict(type='TinyClassifier', width=4),
        teacher=teacher or dict(type='TinyClassifier'),
        distiller=dict(
            type='ConfigurableDistiller',
            student_recorders=dict(fc=recorder, feature=feature),
            teacher_recorders=dict(fc=recorder, feature=feature),
            connectors=dict(
                kernel_s=dict(type='GaussianRBFKernelConnector'),
                kernel_t=dict(type='GaussianRBFKernelConnector')),
            distill_losses=dict(
                loss_kd=dict(type='KLDivergence', tau=4, loss_weight=0.9),
                loss_cc=dict(
                    type='CorrelationCongruenceLoss', loss_weight=2.)),
            loss_forward_mappings=dict(
                loss_kd=dict(
                    preds_S=dict(recorder='fc', from_student=True),
                    preds_T=dict(recorder='fc', from_student=False)),
                loss_cc=dict(
                    preds_S=dict(
                        recorder='feature',
                        from_student=True,
                        connector='kernel_s'),
                    preds_T=dict(
                        recorder='feature',
                        from_student=False,
                        connector='kernel_t')))),
        **changes)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(6, 3, 8, 8, generator=generator),
            torch.arange(6) % 5)


@pytest.fixture
def teacher_ckpt(tmp_path):
    torch.manual_seed(1)
    teacher = TinyClassifier()
    nn.init.uniform_(teacher.bn.running_var, 0.5, 2)
    path = tmp_path / 'teacher.pth'
    save_checkpoint(dict(state_dict=teacher.state_dict(), meta={}), str(path))
    return str(path)


def step(algorithm, batch):
    losses = algorithm(*batch, mode='loss')
    loss, _ = algorithm.parse_losses(losses)
    loss.backward()
    return losses


def test_is_a_single_teacher_distill():
    from mmrazor.models import SingleTeacherDistill
    assert isinstance(MODELS.build(config()), SingleTeacherDistill)


def test_teacher_is_only_evaluated(batch):
    algorithm = MODELS.build(config()).train()
    algorithm.teacher.criterion.register_forward_hook(
        lambda *_: pytest.fail('the teacher computed a loss'))
    step(algorithm, batch)
    before = copy.deepcopy(algorithm.teacher.state_dict())
    step(algorithm, batch)
    algorithm.eval()
    algorithm.train()
    step(algorithm, batch)
    # once more than steps, to prepare it
    assert algorithm.teacher.modes == [('tensor', False, False)] * 4
    assert not any(m.training for m in algorithm.teacher.modules())
    assert all(p.grad is None for p in algorithm.teacher.parameters())
    assert algorithm.student.training
    for name, tensor in algorithm.teacher.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_losses_and_their_weights(batch):
    """α L_CE + (1 − α) L_KD + β L_CC; what is no loss keeps its value."""
    torch.manual_seed(0)
    plain = MODELS.build(config())
    torch.manual_seed(0)
    weighted = MODELS.build(config(student_loss_weight=0.1))
    results = []
    for algorithm in (plain, weighted):
        torch.manual_seed(0)
        results.append(step(algorithm, batch))
    plain, weighted = results
    assert set(plain) == {
        'student.loss_cls', 'student.loss_parts', 'student.accuracy',
        'distill.loss_kd', 'distill.loss_cc'
    }
    for name in ('distill.loss_kd', 'distill.loss_cc', 'student.accuracy'):
        assert weighted[name].item() == plain[name].item()
    assert weighted['student.loss_cls'].item() == pytest.approx(
        0.1 * plain['student.loss_cls'].item())
    for a, b in zip(weighted['student.loss_parts'],
                    plain['student.loss_parts']):
        assert a.item() == pytest.approx(0.1 * b.item())


def test_cc_reaches_the_student(batch):
    algorithm = MODELS.build(config())
    losses = algorithm(*batch, mode='loss')
    losses['distill.loss_cc'].backward()
    assert algorithm.student.conv.weight.grad.abs().sum() > 0
    assert algorithm.student.fc.weight.grad is None


def test_without_the_student_loss(batch):
    algorithm = MODELS.build(config(calculate_student_loss=False))
    assert set(step(algorithm, batch)) == {'distill.loss_kd',
                                           'distill.loss_cc'}
    algorithm.distillation_stopped = True
    assert algorithm(*batch, mode='loss') == {}


def test_distillation_can_be_stopped(batch):
    algorithm = MODELS.build(config())
    algorithm.distillation_stopped = True
    assert not any('distill' in name for name in step(algorithm, batch))


def test_teacher_is_no_part_of_the_model(teacher_ckpt):
    algorithm = MODELS.build(config(teacher_ckpt=teacher_ckpt))
    assert isinstance(algorithm.teacher, TinyClassifier)
    state = algorithm.state_dict()
    assert set(state) == set(get_state_dict(algorithm))  # MMEngine's own
    assert state and all(name.startswith('architecture.') for name in state)
    students = set(algorithm.student.parameters())
    assert set(algorithm.parameters()) == students


def test_loading_leaves_the_teacher_alone(teacher_ckpt, batch):
    """Also a checkpoint of SingleTeacherDistill, which holds a teacher."""
    algorithm = MODELS.build(config(teacher_ckpt=teacher_ckpt))
    stock = MODELS.build(config(type='SingleTeacherDistill'))
    before = copy.deepcopy(algorithm.teacher.state_dict())
    result = algorithm.load_state_dict(stock.state_dict(), strict=False)
    assert not result.missing_keys
    for name, tensor in algorithm.teacher.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    for name, tensor in algorithm.student.state_dict().items():
        assert torch.equal(tensor, stock.student.state_dict()[name]), name


def test_teacher_follows_the_model():
    algorithm = MODELS.build(config()).double()
    assert algorithm.teacher.fc.weight.dtype == torch.float64
    algorithm.to('meta')
    assert algorithm.teacher.fc.weight.device.type == 'meta'
    # MMEngine tells data preprocessors their device
    assert algorithm.teacher.data_preprocessor.device.type == 'meta'


def test_teacher_is_copied_with_the_model(batch):
    algorithm = copy.deepcopy(MODELS.build(config()))
    step(algorithm, batch)
    assert algorithm.teacher.modes[0][0] == 'tensor'


def test_init_weights_keeps_a_loaded_teacher(teacher_ckpt):
    algorithm = MODELS.build(config(teacher_ckpt=teacher_ckpt))
    before = copy.deepcopy(algorithm.teacher.state_dict())
    algorithm.init_weights()
    for name, tensor in algorithm.teacher.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_init_weights_keeps_a_teacher_that_is_built(caplog):
    teacher = TinyClassifier()
    before = copy.deepcopy(teacher.state_dict())
    MODELS.build(config(teacher=teacher)).init_weights()
    for name, tensor in teacher.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_init_weights_warns_of_a_random_teacher(caplog):
    algorithm = MODELS.build(config())
    from mmengine.logging import MMLogger
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        algorithm.init_weights()
    finally:
        logger.removeHandler(caplog.handler)
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert 'distills from random weights' in warnings[0].getMessage()


def test_recorder_in_the_teachers_loss(batch):
    cfg = config()
    cfg['distiller']['teacher_recorders'] = dict(
        cfg['distiller']['teacher_recorders'],
        fc=dict(type='ModuleInputs', source='criterion'))
    algorithm = MODELS.build(cfg)
    with pytest.raises(
            ValueError,
            match="loss_kd needs.*'fc', but its source 'criterion' was not"):
        step(algorithm, batch)


@pytest.mark.parametrize('argument', [
    dict(teacher_trainable=True),
    dict(teacher_norm_eval=False),
])
def test_teacher_that_shall_train(argument):
    with pytest.raises(ValueError, match='is never trained. Use mmrazor'):
        MODELS.build(config(**argument))
    harmless = {k: not v for k, v in argument.items()}
    assert MODELS.build(config(**harmless))


def test_student_loss_weight():
    for weight in (-0.1, float('nan'), float('inf')):
        with pytest.raises(ValueError, match='student_loss_weight must be at'):
            MODELS.build(config(student_loss_weight=weight))
    with pytest.raises(TypeError, match="must be a number, but is '0.1'"):
        MODELS.build(config(student_loss_weight='0.1'))


def test_the_class_is_what_is_registered():
    assert MODELS.get('FrozenTeacherDistill') is FrozenTeacherDistill


def test_mmrazors_val_loop_sees_the_teacher(tmp_path):
    from pathlib import Path

    from mmengine.config import Config
    from mmengine.runner import Runner
    root = Path(__file__).parent.parent.parent
    cfg = Config.fromfile(root / 'configs/cckd/r18w16_r10w6_digits.py')
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path),
            experiment_name=tmp_path.name,
            log_level='WARNING',
            val_cfg=dict(type='mmrazor.SingleTeacherDistillValLoop'),
            model=dict(teacher_ckpt=None)))
    metrics = {}

    runner = Runner.from_cfg(cfg)
    runner.call_hook = lambda name, **kwargs: metrics.update(
        kwargs.get('metrics', {}))
    runner.val_loop.run()
    assert set(metrics) == {'accuracy/top1', 'teacher.accuracy/top1'}


def losses_of(batch, autocast=False, **arguments):
    """Of the first step, all starting from the same networks."""
    torch.manual_seed(0)
    algorithm = MODELS.build(config(**arguments))
    nn.init.uniform_(algorithm.teacher.bn.running_var, 0.5, 2)
    nn.init.normal_(algorithm.teacher.bn.running_mean)
    algorithm.student.dropout.p = 0.
    with torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        losses = step(algorithm, batch)
    return algorithm, {
        name: loss for name, loss in losses.items() if 'distill' in name
    }


def stock_losses(batch):
    """MMRazor's, without the dropout that stays on in its teacher."""
    torch.manual_seed(0)
    algorithm = MODELS.build(config(type='SingleTeacherDistill'))
    nn.init.uniform_(algorithm.teacher.bn.running_var, 0.5, 2)
    nn.init.normal_(algorithm.teacher.bn.running_mean)
    algorithm.student.dropout.p = algorithm.teacher.dropout.p = 0.
    algorithm.train()  # puts the teacher's BatchNorm in eval mode
    return {
        name: loss for name, loss in step(algorithm, batch).items()
        if 'distill' in name
    }


@pytest.mark.parametrize('arguments, tolerance', [
    (dict(), 1e-5),
    (dict(channels_last=True), 1e-5),
    (dict(teacher_dtype='float32'), 1e-5),
    (dict(teacher_dtype='bfloat16'), 0.05),
    pytest.param(
        dict(teacher_dtype='float16', channels_last=True),
        0.01,
        marks=pytest.mark.skipif(
            torch.__version__ < (2, 2),
            reason='torch 2.1 has no float16 convolution on a CPU')),
])
def test_the_prepared_teacher_says_the_same(batch, arguments, tolerance):
    algorithm, losses = losses_of(batch, **arguments)
    assert isinstance(algorithm.teacher.bn, nn.Identity)
    for name, loss in stock_losses(batch).items():
        assert losses[name].dtype == torch.float32
        assert losses[name].item() == pytest.approx(
            loss.item(), rel=tolerance), name
    dtype = getattr(torch, arguments.get('teacher_dtype', 'float32'))
    assert {p.dtype for p in algorithm.teacher.parameters()} == {dtype}
    assert {p.dtype for p in algorithm.student.parameters()} == {torch.float32}
    if 'channels_last' in arguments:
        for network in (algorithm.teacher, algorithm.student):
            assert network.conv.weight.is_contiguous(
                memory_format=torch.channels_last)


def test_the_teachers_dtype_under_autocast(batch):
    _, plain = losses_of(batch)
    seen = []
    for dtype in (None, 'float32'):
        algorithm, _ = losses_of(batch, teacher_dtype=dtype)
        algorithm.teacher.fc.register_forward_hook(
            lambda module, args, output: seen.append(output.dtype))
        with torch.autocast('cpu', torch.bfloat16):
            losses = step(algorithm, batch)
        assert all(loss.dtype == torch.float32 for loss in losses.values()
                   if isinstance(loss, torch.Tensor))
    assert seen == [torch.bfloat16, torch.float32]


def test_the_teacher_can_be_validated_in_its_dtype(batch):
    algorithm, _ = losses_of(batch, teacher_dtype='bfloat16')
    assert algorithm.teacher(batch[0]).dtype == torch.bfloat16


def test_a_listened_batch_norm_is_not_folded(batch):
    cfg = config()
    for side in ('student', 'teacher'):
        cfg['distiller'][f'{side}_recorders'] = dict(
            cfg['distiller'][f'{side}_recorders'],
            feature=dict(type='ModuleOutputs', source='bn'))
    algorithm = MODELS.build(cfg)
    losses = step(algorithm, batch)
    assert isinstance(algorithm.teacher.bn, nn.BatchNorm2d)
    assert losses['distill.loss_cc'] > 0


def test_a_recorded_parameter_keeps_its_value(batch):
    cfg = config()
    cfg['distiller']['teacher_recorders'] = dict(
        cfg['distiller']['teacher_recorders'],
        weight=dict(type='Parameter', source='conv.weight'))
    algorithm = MODELS.build(cfg)
    before = algorithm.teacher.conv.weight.clone()
    step(algorithm, batch)
    recorder = algorithm.distiller.teacher_recorders.recorders['weight']
    assert torch.equal(recorder.get_record_data(), before)


@pytest.mark.skipif(
    shutil.which('g++') is None, reason='torch.compile needs a C++ compiler')
def test_compiled_networks_say_the_same(batch, monkeypatch):
    _, plain = losses_of(batch)
    with tempfile.TemporaryDirectory() as folder:
        if ' ' in folder:
            pytest.skip('torch.compile takes no cache at a path with spaces')
        monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', folder)
        algorithm, compiled = losses_of(batch, compile=True)
    for name, loss in plain.items():
        assert compiled[name].item() == pytest.approx(loss.item(), rel=1e-4)
    # What recorders hear stays outside: its own forward is not compiled.
    assert 'forward' in vars(algorithm.student.conv)
    assert algorithm.student.conv.weight.grad is not None
    assert all(name.startswith('architecture.')
               for name in algorithm.state_dict())


@pytest.mark.parametrize('dtype', ['int8', 'half', torch.float16])
def test_teacher_dtype(dtype):
    with pytest.raises(ValueError, match="must be one of .*'bfloat16'"):
        MODELS.build(config(teacher_dtype=dtype))


@pytest.mark.parametrize('side', ['student', 'teacher'])
@pytest.mark.parametrize('kind', ['ModuleOutputs', 'ModuleInputs'])
def test_recorder_of_a_module_that_is_not_there(side, kind):
    cfg = config()
    cfg['distiller'][f'{side}_recorders']['fc'] = dict(
        type=kind, source='fcc')
    with pytest.raises(
            ValueError,
            match=f"{side}_recorders.fc cannot record: The {side}, a "
            "TinyClassifier, has no module 'fcc'; near names: fc"):
        MODELS.build(cfg)


def test_teacher_of_other_classes():
    other = TinyClassifier()
    other.fc = nn.Linear(8, 7)
    with pytest.raises(
            ValueError,
            match='loss_kd compares 5 outputs of the student with 7 of the '
            'teacher.*same classes'):
        MODELS.build(config(teacher=other))

    # Without a term that compares the logits, it may teach.
    cfg = config(teacher=other)
    for name in ('distill_losses', 'loss_forward_mappings'):
        del cfg['distiller'][name]['loss_kd']
    assert MODELS.build(cfg)
