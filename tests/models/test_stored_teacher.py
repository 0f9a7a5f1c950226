import copy

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.models.algorithms import stored_sources
from mmcckd.models.algorithms.stored_difference import compare_with_teacher
from mmcckd.teacher_store import TeacherStore

FC, NECK = 'ModuleOutputs:fc', 'ModuleOutputs:neck'
SAMPLES, VIEWS = 12, 2


class Two(nn.Module):
    """A module with nested outputs, one of which is a feature map."""

    def forward(self, maps):
        return maps.mean((2, 3)), dict(maps=maps, none=None)


class Matrix(nn.Module):
    """A module that compares the samples of a batch."""

    def forward(self, features):
        return features @ features.T


@MODELS.register_module()
class NetworkForStore(BaseModel):

    def __init__(self, width=4, init_cfg=None):
        super().__init__(init_cfg=init_cfg)
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)
        self.neck = Two()
        self.fc = nn.Linear(width, 5)
        self.matrix = Matrix()
        self.summary = nn.Identity()
        self.centered = nn.Identity()

    def forward(self, inputs, data_samples=None, mode='tensor'):
        features, _ = self.neck(self.bn(self.conv(inputs)).relu())
        self.matrix(features)
        self.summary(features.mean())
        self.centered(features - features.mean(0))
        logits = self.fc(features)
        if mode == 'loss':
            labels = torch.tensor([int(s.gt_label) for s in data_samples])
            return dict(loss=nn.functional.cross_entropy(logits, labels))
        return logits


def config(recorders=None, mappings=None, **changes):
    recorders = recorders or dict(
        logits=dict(type='ModuleOutputs', source='fc'),
        neck=dict(type='ModuleOutputs', source='neck'))
    mappings = mappings or dict(
        loss_kd=dict(recorder='logits'),
        loss_cc=dict(recorder='neck', data_idx=0))
    return dict(
        type='FrozenTeacherDistill',
        architecture=dict(type='NetworkForStore'),
        teacher=dict(type='NetworkForStore', width=6),
        distiller=dict(
            type='ConfigurableDistiller',
            student_recorders=recorders,
            teacher_recorders=recorders,
            connectors=dict(kernel=dict(type='GaussianRBFKernelConnector')),
            distill_losses=dict(
                loss_kd=dict(type='KLDivergence', tau=4, loss_weight=1),
                loss_cc=dict(type='CorrelationCongruenceLoss')),
            loss_forward_mappings={
                name: {
                    f'preds_{side}': dict(
                        from_student=side == 'S',
                        **record,
                        **(dict(connector='kernel')
                           if name == 'loss_cc' else {}))
                    for side in 'ST'
                }
                for name, record in mappings.items()
            }),
        **changes)


@pytest.fixture
def build(tmp_path):
    """A model whose teacher counts its images, with an open store."""

    def make(cfg=None, dtype='float32', **settings):
        torch.manual_seed(0)
        settings = dict(
            dict(path=str(tmp_path / 'store'), views=VIEWS, dtype=dtype),
            **settings)
        model = MODELS.build(dict(cfg or config(), teacher_store=settings))
        nn.init.uniform_(model.teacher.bn.running_var, 0.5, 2)
        stored = model.stored_teacher
        images, samples = batch([0, 1])
        stored.open(stored.probe(images, samples), SAMPLES, dict(a=1))
        stored.batch_size = 4
        model.seen = []
        model.teacher.register_forward_pre_hook(
            lambda module, args: model.seen.append(args[0]))
        return model

    return make


def batch(indices, view=0):
    """The images of some samples, which tell them apart."""
    samples = []
    for index in indices:
        sample = DataSample().set_gt_label(index % 5)
        sample.set_metainfo(dict(dataset_index=index, view=view))
        samples.append(sample)
    generator = torch.Generator().manual_seed(view)
    images = torch.randn(SAMPLES, 3, 8, 8, generator=generator)
    return images[list(indices)], samples


def records(model):
    return {
        name: recorder.data_buffer
        for name, recorder in
        model.distiller.teacher_recorders.recorders.items()
    }


def test_a_batch_that_is_stored_does_not_use_the_teacher(build):
    model = build()
    model.loss(*batch(range(4)))
    assert [len(images) for images in model.seen] == [1, 4]  # prepare, fill
    first = records(model)['logits'][0].clone()
    for indices in ([0, 1, 2, 3], [3, 1, 0, 2]):
        losses = model.loss(*batch(indices))
        assert torch.equal(records(model)['logits'][0], first[indices])
    assert len(model.seen) == 2
    assert losses['distill.loss_kd'] > 0 and losses['distill.loss_cc'] > 0

    again = build()  # another run; it does not even prepare its teacher
    again.loss(*batch(range(4)))
    assert again.seen == [] and isinstance(again.teacher.bn, nn.BatchNorm2d)


@pytest.mark.parametrize('dtype, asked', [
    ('float32', [5, 4, 5, 4]),  # filled up with copies
    ('float16', [5, 4]),
])
def test_the_teacher_is_asked_for_missing_rows_only(build, dtype, asked):
    model = build(dtype=dtype)
    model.loss(*batch([0, 1, 2, 3]))
    model.seen.clear()
    images, samples = batch([5, 0, 2, 4])
    model.loss(images, samples)
    expected, _ = batch(asked)
    seen, = model.seen
    torch.testing.assert_close(seen, expected)
    model.loss(*batch([5, 0, 2, 4], view=1))
    assert len(model.seen[-1]) == 4  # another view is missing


def test_the_same_records_as_without_a_store(build):
    """Also nested ones, whatever the batch in which they were computed."""
    model = build()
    model.loss(*batch([7]))
    model.loss(*batch([0, 1, 2]))
    model.loss(*batch([7, 1, 5, 3]))
    plain = config()
    plain['teacher'] = build().teacher
    plain = MODELS.build(plain)
    plain.loss(*batch([7, 1, 5, 3]))
    stored, expected = records(model), records(plain)
    assert torch.equal(stored['logits'][0], expected['logits'][0])
    (features, rest), = stored['neck']
    (other_features, other_rest), = expected['neck']
    assert torch.equal(features, other_features)
    assert torch.equal(rest['maps'], other_rest['maps'])
    assert rest['none'] is None


def test_positions_of_stored_maps(build):
    """A connector gets what is stored, at the positions of the iteration."""
    cfg = config(dict(
        logits=dict(type='ModuleOutputs', source='fc'),
        neck=dict(type='ModuleOutputs', source='bn')))
    for mapping in cfg['distiller']['loss_forward_mappings'].values():
        for record in mapping.values():
            record.pop('data_idx', None)
    cfg['distiller']['connectors']['kernel'] = [
        dict(type='PositionConnector', max_positions=9),
        dict(type='GaussianRBFKernelConnector')
    ]
    model = build(cfg)
    first, second = (model.loss(*batch(range(4))) for _ in range(2))
    assert len(model.seen) == 2  # prepare, fill
    cfg['teacher'] = build().teacher
    plain = MODELS.build(cfg)
    plain.student.load_state_dict(model.student.state_dict())
    expected = plain.loss(*batch(range(4)))['distill.loss_cc']
    assert expected > 0
    for losses in (first, second):
        torch.testing.assert_close(losses['distill.loss_cc'], expected)


def test_channels_last(build):
    model = build(config(channels_last=True))
    for _ in range(2):
        model.loss(*batch(range(4)))
        (_, rest), = records(model)['neck']
        assert rest['maps'].is_contiguous(memory_format=torch.channels_last)


def test_a_store_does_not_depend_on_autocast(build, tmp_path):
    with torch.autocast('cpu', torch.bfloat16):
        build().loss(*batch(range(4)))
    model = build(path=str(tmp_path / 'other'))
    model.loss(*batch(range(4)))
    one, other = (
        TeacherStore.open(str(tmp_path / name)).read(
            np.zeros(4, int), np.arange(4), [FC])[FC][0]
        for name in ('store', 'other'))
    assert (one == other).all()


def test_a_model_with_an_open_store_can_be_copied(build):
    """As EMAHook does."""
    build().loss(*batch(range(4)))
    copied = copy.deepcopy(build())
    copied.loss(*batch(range(4)))
    assert copied.stored_teacher.model is copied
    assert len(records(copied)['logits'][0]) == 4
    assert copied.seen == []


def test_the_dtype_of_the_teacher(build):
    model = build(config(teacher_dtype='bfloat16'))
    model.loss(*batch(range(4)))
    logits, = records(model)['logits']
    assert logits.dtype == torch.float32
    assert torch.equal(logits, logits.bfloat16().float())


@pytest.mark.parametrize('tau', [1, 4])
def test_top_k(build, tau, monkeypatch):
    warnings = []
    monkeypatch.setattr(
        stored_sources, 'print_log',
        lambda message, **_: warnings.append(message))
    cfg = config()
    cfg['distiller']['distill_losses']['loss_kd']['tau'] = tau
    model = build(cfg, top_k=dict(logits=2))
    assert ['loss_kd has tau=4' in warning for warning in warnings] == (
        [] if tau == 1 else [True])
    model.loss(*batch(range(4)))
    logits, = records(model)['logits']
    assert logits.shape == (4, 5)
    assert all(len(row.unique()) == 3 for row in logits)


@pytest.mark.parametrize('settings', [
    dict(), dict(dtype='float16'), dict(top_k=dict(logits=2))])
def test_stored_records_are_compared_with_the_teacher(build, settings):
    model = build(**settings)
    compare_with_teacher(model.stored_teacher, *batch([0, 1]))  # none
    model.loss(*batch(range(4)))
    model = build(**settings)
    compare_with_teacher(model.stored_teacher, *batch([3, 9]))
    images, samples = batch([9, 1])
    images[1] += 1
    with pytest.raises(ValueError, match='for view 0 of sample 1 than the '
                       r'teacher gives now, by \d+%'):
        compare_with_teacher(model.stored_teacher, images, samples)


def test_recorders_that_no_loss_uses_are_not_stored(build):
    cfg = config()
    cfg['distiller']['teacher_recorders'] = dict(
        cfg['distiller']['teacher_recorders'],
        weight=dict(type='Parameter', source='fc.weight'),
        maps=dict(type='ModuleInputs', source='neck'))
    model = build(cfg)
    assert list(model.stored_teacher.sources) == [FC, NECK]
    model.loss(*batch(range(4)))


def test_recorders_of_the_same_source(build):
    source = dict(type='ModuleOutputs', source='neck')
    both = config(
        recorders=dict(one=source, other=source),
        mappings=dict(
            loss_kd=dict(recorder='one', data_idx=0),
            loss_cc=dict(recorder='other', data_idx=0)))
    both['distiller']['loss_forward_mappings']['loss_kd'] = {
        'preds_S': dict(from_student=True, recorder='one', data_idx=0,
                        connector='kernel'),
        'preds_T': dict(from_student=False, recorder='one', data_idx=0,
                        connector='kernel')
    }
    model = build(both)
    assert model.stored_teacher.sources == {NECK: ['one', 'other']}
    model.loss(*batch(range(4)))
    with pytest.raises(ValueError, match='one and other record the same'):
        build(both, top_k=dict(one=2))


@pytest.mark.parametrize('source, message', [
    ('matrix', r'teacher_recorders.logits \(.*\) cannot be stored: a sample '
     r'has the shapes \[\(2,\)\] in a batch of 2, but \[\(1,\)\]'),
    ('summary', r'a row for each sample, but .*\(\) was recorded'),
    ('centered', r'in a batch of 2 differs by \d+% from that in a batch of 1'),
])
def test_records_that_cannot_be_stored(build, source, message):
    recorders = dict(
        logits=dict(type='ModuleOutputs', source=source),
        neck=dict(type='ModuleOutputs', source='neck'))
    with pytest.raises(ValueError, match=message):
        build(config(recorders))


def test_a_parameter_cannot_be_stored(build):
    recorders = dict(
        logits=dict(type='Parameter', source='fc.weight'),
        neck=dict(type='ModuleOutputs', source='neck'))
    with pytest.raises(ValueError, match='records a parameter of the teacher, '
                       'fc.weight, but a teacher store'):
        build(config(recorders))


def test_deliveries_cannot_be_used(build):
    cfg = config()
    cfg['distiller']['distill_deliveries'] = dict(
        drawn=dict(
            type='FunctionOutputs', func_path='random.gauss',
            max_keep_data=1))
    with pytest.raises(ValueError, match=r'distill_deliveries \(drawn\)'):
        build(cfg)


def test_mixed_batches_cannot_be_stored(build):
    cfg = config(
        data_preprocessor=dict(
            type='mmpretrain.ClsDataPreprocessor',
            num_classes=5,
            batch_augments=dict(augments=dict(type='Mixup', alpha=1.))))
    with pytest.raises(ValueError, match='cannot be used with Mixup'):
        build(cfg)


@pytest.mark.parametrize('settings, kind, message', [
    (dict(top_k=dict(logit=2)), ValueError,
     "top_k has 'logit', but the losses use the teacher recorders logits"),
    (dict(top_k=dict(neck=2)), ValueError,
     r'teacher_recorders.neck \(.*top_k needs a record of one tensor'),
    (dict(views=0), ValueError, 'teacher_store.views should be 1 or more'),
    (dict(view=2), ValueError, "no key 'view'; did you mean 'views'"),
    (dict(path=3), TypeError, 'teacher_store.path should be the path'),
])
def test_settings(build, settings, kind, message):
    with pytest.raises(kind, match=message):
        build(**settings)
