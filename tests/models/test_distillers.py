"""Mistakes in a recipe, by MMRazor's own algorithm and by ours."""
import copy
import re

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmrazor.models.distillers import ConfigurableDistiller
from mmrazor.registry import MODELS
from torch import nn


@MODELS.register_module()
class TwoOutputs(BaseModel):
    """A network whose body gives two features, 4 and 6 wide."""

    def __init__(self, classes=5, width=6):
        super().__init__()
        self.body = nn.ModuleDict(
            dict(a=nn.Linear(3, 4), b=nn.Linear(3, width)))
        self.both = Both()
        self.fc = nn.Linear(4, classes)
        self.unused = nn.Linear(2, classes)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x, _ = self.both(self.body.a(inputs), self.body.b(inputs))
        logits = self.fc(x)
        if mode == 'loss':
            return dict(loss=logits.square().mean())
        return logits


class Both(nn.Module):

    def forward(self, a, b):
        return a, b


def config(type='SingleTeacherDistill', **changes):
    recorders = dict(
        fc=dict(type='ModuleOutputs', source='fc'),
        both=dict(type='ModuleOutputs', source='both'))
    cfg = ConfigDict(
        type=type,
        architecture=dict(type='TwoOutputs'),
        teacher=dict(type='TwoOutputs'),
        distiller=dict(
            type='ConfigurableDistiller',
            student_recorders=recorders,
            teacher_recorders=copy.deepcopy(recorders),
            connectors=dict(linear=dict(
                type='TorchNNConnector',
                module_name='Linear',
                module_args=dict(in_features=4, out_features=6))),
            distill_losses=dict(loss_kd=dict(type='KLDivergence', tau=1)),
            loss_forward_mappings=dict(
                loss_kd=dict(
                    preds_S=dict(recorder='fc', from_student=True),
                    preds_T=dict(recorder='fc', from_student=False)))))
    for key, value in changes.items():
        *path, last = key.split('__')
        part = cfg
        for name in path:
            part = part[name]
        part[last] = value
    return cfg


def step(cfg):
    algorithm = MODELS.build(cfg)
    losses = algorithm(torch.randn(2, 3), mode='loss')
    return algorithm.parse_losses(losses)[0]


both = pytest.mark.parametrize(
    'type', ['SingleTeacherDistill', 'FrozenTeacherDistill'])
MAPPINGS = 'distiller__loss_forward_mappings'
PREDS_S = f'{MAPPINGS}__loss_kd__preds_S'
PREDS_T = f'{MAPPINGS}__loss_kd__preds_T'


@both
def test_a_right_recipe(type):
    step(config(type)).backward()


# What is changed -> the error, before any batch is seen.
MISTAKES = {
    f'{MAPPINGS}__loss_kb':
    (dict(), ValueError, 'loss_forward_mappings has loss_kb, but distill_'
     'losses has loss_kd. Use the same names in both'),
    MAPPINGS:
    (None, ValueError, 'distill_losses has loss_kd, but there are no '
     'loss_forward_mappings, so nothing would be distilled'),
    'distiller__loss_forward_mappings__loss_kd':
    ('fc', TypeError, "loss_forward_mappings.loss_kd must be a dict, such as "
     r'.*, but is .fc.'),
    PREDS_S: ('fc', TypeError, 'loss_kd.preds_S must be a dict, such as '),
    f'{PREDS_S}__from_recorder':
    ('fc', ValueError, 'loss_kd.preds_S has from_recorder. The allowed keys '
     'are recorder, from_student, record_idx, data_idx, connector, '
     'connector_idx. recorder and from_student are required'),
    f'{PREDS_T}__from_student':
    ('no', TypeError, "preds_T.from_student must be True or False, but is "
     "'no'"),
    f'{PREDS_T}__recorder':
    ('logits', ValueError, "preds_T needs the recorder 'logits', but "
     'teacher_recorders has fc, both. Add the recorder to teacher_'),
    f'{PREDS_S}__connector':
    ('lin', ValueError, "preds_S needs the connector 'lin', but "
     'connectors has linear. Add the connector'),
    f'{MAPPINGS}__loss_kd__s_feature':
    (dict(recorder='both', from_student=True), ValueError,
     'loss_kd, a KLDivergence, has the arguments preds_S, preds_T, but '
     'loss_forward_mappings.loss_kd has preds_S, preds_T, s_feature. Remove '
     's_feature.'),
    'distiller__student_recorders__fc':
    (dict(type='ModuleOutputs', source='fcc'), ValueError,
     "student_recorders.fc cannot record: The student, a TwoOutputs, has no "
     "module 'fcc'; near names: fc"),
    'distiller__teacher_recorders__fc':
    (dict(type='Parameter', source='fc'), ValueError,
     "teacher_recorders.fc cannot record: The teacher, a TwoOutputs, has no "
     "parameter 'fc'. Give the"),
    'distiller__teacher_recorders__both':
    (dict(type='FunctionOutputs', source='torch.nn.functional.rel'),
     ValueError, "teacher_recorders.both cannot record: 'torch.nn."
     "functional.rel' cannot be imported: module 'torch.nn.functional' has"),
    'distiller__student_recorders__both':
    (dict(type='MethodOutputs', source='torch.nn.Linnear.forward'),
     ValueError, "student_recorders.both cannot record: 'torch.nn."
     "Linnear.forward' cannot be imported"),
}


@both
@pytest.mark.parametrize('change', MISTAKES)
def test_mistakes_are_found_when_the_model_is_built(change, type):
    value, error, message = MISTAKES[change]
    with pytest.raises(error, match=message):
        MODELS.build(config(type, **{change: value}))


def test_a_recorder_of_the_other_side():
    cfg = config(distiller__teacher_recorders__logits=dict(
        type='ModuleOutputs', source='fc'), **{f'{PREDS_S}__recorder':
                                               'logits'})
    with pytest.raises(
            ValueError,
            match='student_recorders has fc, both. teacher_recorders has one '
            'with this name. Add the recorder to student_recorders'):
        MODELS.build(cfg)


def test_an_argument_that_is_missing():
    cfg = config()
    del cfg.distiller.loss_forward_mappings.loss_kd.preds_S
    with pytest.raises(
            ValueError,
            match='has the arguments preds_S, preds_T, but .* has preds_T. '
            'Add preds_S.'):
        MODELS.build(cfg)
    cfg = config()
    del cfg.distiller.loss_forward_mappings.loss_kd.preds_S.recorder
    with pytest.raises(ValueError, match='loss_kd.preds_S lacks recorder. '):
        MODELS.build(cfg)


def test_a_loss_that_would_be_silent(log):
    """A loss that is 0 for ever, one without a gradient, and one that is not
    computed, which a recipe of MMRazor's has."""
    with pytest.raises(ValueError, match='gets the same record for preds_S '
                       'and preds_T, .*compare it with itself'):
        MODELS.build(config(**{f'{PREDS_T}__from_student': True}))
    MODELS.build(config(distiller__distill_losses__loss_x=dict(type='L1Loss')))
    assert ('distill_losses has loss_x, which has no entry in loss_forward_'
            'mappings, so it is never computed.') in log.text
    MODELS.build(
        config(**{
            f'{PREDS_S}__from_student': False,
            f'{PREDS_T}__from_student': True
        }))
    assert ('loss_kd gets preds_S from the teacher and preds_T from the '
            'student.') in log.text


def test_a_distiller_with_keys_of_its_own():

    @MODELS.register_module(force=True)
    class ScalingDistiller(ConfigurableDistiller):

        def get_record(self, recorder, from_student, scale=1):
            return super().get_record(recorder, from_student) * scale

    loss = step(config(
        distiller__type='ScalingDistiller', **{f'{PREDS_S}__scale': 2}))
    assert loss.isfinite()


# What is changed -> the error at the first batch, which alone can tell.
AT_THE_FIRST_BATCH = {
    f'{PREDS_S}__record_idx':
    (1, "student_recorders.fc, with the source 'fc', recorded 1 calls in this "
     'batch, but loss_forward_mappings has record_idx=1. Set it to at most 0'),
    PREDS_S:
    (dict(recorder='both', from_student=True, data_idx=2),
     "student_recorders.both, with the source 'both', recorded a tuple of 2 "
     '(a tensor of shape (2, 4), a tensor of shape (2, 6)), but '
     'loss_forward_mappings has data_idx=2. Set it to at most 1'),
    f'{PREDS_S}__data_idx':
    (0, "student_recorders.fc, with the source 'fc', recorded a tensor of "
     'shape (2, 5), but loss_forward_mappings has data_idx=0. Leave data_idx '
     'out'),
    'distiller__student_recorders__fc':
    (dict(type='ModuleOutputs', source='unused'),
     "student_recorders.fc, with the source 'unused', recorded 0 calls in "
     'this batch, but loss_forward_mappings has record_idx=0. Record a module '
     'that is used in the forward pass'),
    f'{PREDS_T}__connector':
    ('linear', 'connectors.linear, after teacher_recorders.fc, does not '
     'accept input (a tensor of shape (2, 5)): it raised RuntimeError: mat1'),
}


@both
@pytest.mark.parametrize('change', AT_THE_FIRST_BATCH)
def test_mistakes_that_only_a_batch_tells(change, type):
    value, message = AT_THE_FIRST_BATCH[change]
    with pytest.raises(ValueError, match=re.escape(message)):
        step(config(type, **{change: value}))


@pytest.mark.parametrize('loss, preds_s, preds_t, said', [
    ('ChannelWiseDivergence', 0, 1, 'preds_S (a tensor of '
     'shape (2, 4)), preds_T (a tensor of shape (2, 6)): it raised '
     'AssertionError. Record modules'),
    ('PKDLoss', 0, 0, 'it raised IndexError: tuple index out of'),
    ('MGDLoss', 0, None, 'preds_T (a tuple of 2 (a tensor of shape (2, '
     "4), a tensor of shape (2, 6))): it raised AttributeError: 'tuple' "
     'object has no'),
    ('KLDivergence', 0, 1, 'it raised RuntimeError: '),
])
def test_a_loss_that_cannot_compare(loss, preds_s, preds_t, said):
    """By a bare assert in MMRazor, or an error of Python or torch."""
    cfg = config(**{
        'distiller__distill_losses__loss_kd': dict(type=loss),
        f'{MAPPINGS}__loss_kd': dict(
            preds_S=dict(recorder='both', from_student=True, data_idx=preds_s),
            preds_T=dict(
                recorder='both', from_student=False, data_idx=preds_t))
    })
    message = f'distill_losses.loss_kd, a {loss}, does not accept preds_S '
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        step(cfg)
    assert said in str(caught.value)


def test_logits_of_other_classes_by_mmrazors_algorithm():
    with pytest.raises(
            ValueError,
            match=re.escape('distill_losses.loss_kd, a KLDivergence, does '
                            'not accept preds_S (a tensor of shape (2, 7)), '
                            'preds_T (a tensor of shape (2, 5))')):
        step(config(architecture__classes=7))


def test_the_workaround_is_still_needed():
    """If this fails, mmcckd/models/distillers can be deleted."""
    init = ConfigurableDistiller.__init__.__wrapped__
    distiller = copy.deepcopy(config().distiller)
    del distiller.type, distiller.loss_forward_mappings
    fresh = ConfigurableDistiller.__new__(ConfigurableDistiller)
    init(fresh, **distiller)  # nothing is distilled, and nobody says so
    distiller.loss_forward_mappings = dict(loss_kd=dict(
        preds_S=dict(recorder='logits', from_student=True)))
    with pytest.raises(AssertionError):
        init(fresh, **distiller)
