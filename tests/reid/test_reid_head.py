import math

import pytest
import torch
from mmengine.runner import save_checkpoint
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS as MMRAZOR_MODELS

from mmcckd.reid import BatchHardTripletLoss, ReIDHead


def network(num_classes=6, base_channels=8, **head):
    return dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        backbone=dict(
            type='ResNet',
            depth=18,
            stem_channels=8,
            base_channels=base_channels,
            strides=(1, 2, 2, 1)),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='ReIDHead',
            num_classes=num_classes,
            in_channels=8 * base_channels,
            **head))


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = MODELS.build(network())
    model.init_weights()
    return model


@pytest.fixture
def batch():
    """4 images of each of 2 persons, of cameras that meta data tell."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(8, 3, 32, 16, generator=generator)
    samples = [
        DataSample(metainfo=dict(camera_id=i, is_query=i < 2)).set_gt_label(
            2 * (i // 4)) for i in range(8)
    ]
    return images, samples


def random_feature():
    generator = torch.Generator().manual_seed(2)
    return 3 + 2 * torch.randn(8, 64, generator=generator)


def test_losses_are_those_of_the_formulas(batch):
    head = ReIDHead(6, 64)
    torch.nn.init.normal_(head.fc.weight)
    feature, (_, samples) = random_feature(), batch
    labels = [int(sample.gt_label) for sample in samples]
    losses = head.loss((feature, ), samples)
    assert set(losses) == {'loss_id', 'loss_triplet'}

    # BNNeck with the statistics of the batch, γ = 1 and β = 0.
    x = feature.double()
    x = (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()
    logits = x @ head.fc.weight.double().T
    expected = 0.
    for row, label in zip(logits.tolist(), labels):
        log_sum = math.log(sum(math.exp(v) for v in row))
        # 0.9 on the label and 0.1 / 6 on each of the 6 persons
        expected -= 0.9 * (row[label] - log_sum) / 8
        expected -= sum(0.1 / 6 * (v - log_sum) for v in row) / 8
    assert losses['loss_id'].item() == pytest.approx(expected, rel=1e-5)
    # The triplet loss looks at the feature before BNNeck.
    assert torch.equal(losses['loss_triplet'], BatchHardTripletLoss(0.3)(
        feature, torch.tensor(labels)))


def test_at_the_start_no_person_is_preferred(model, batch):
    """And weights are those of the paper's code."""
    model.train()
    losses = model(*batch, mode='loss')
    assert losses['loss_id'].item() == pytest.approx(math.log(6), abs=0.05)
    assert model.head.fc.bias is None
    assert model.head.fc.weight.std().item() == pytest.approx(0.001, rel=0.2)
    assert (model.head.bnneck.weight == 1).all()


def test_a_step_of_training(model, batch):
    """Each loss alone reaches the backbone; the bias of BNNeck stays 0."""
    model.train()
    optimizer = torch.optim.Adam(
        model.parameters(), lr=0.1, weight_decay=5e-4)
    conv = model.backbone.conv1.weight
    for name in ('loss_id', 'loss_triplet'):
        before = conv.detach().clone()
        optimizer.zero_grad()
        model(*batch, mode='loss')[name].backward()
        assert conv.grad.abs().max() > 0, name
        optimizer.step()
        assert not torch.equal(conv, before)
    assert (model.head.bnneck.weight != 1).any()
    assert (model.head.bnneck.bias == 0).all()
    assert (model.head.bnneck.running_mean != 0).any()


def test_prediction(model, batch):
    images, samples = batch
    model.eval()
    with torch.no_grad():
        found = model(images, samples, mode='predict')
        feature, = model.extract_feat(images)
        expected = model.head.bnneck(feature)
        assert torch.equal(model.extract_feat(images, 'pre_logits'), expected)
        new = model(images, mode='predict')
    assert len(found) == len(new) == 8
    for i, sample in enumerate(found):
        kept = sample.to_dict()  # what a metric sees
        assert kept['feature'].shape == (64, )
        assert torch.equal(kept['feature'], expected[i])
        assert torch.equal(new[i].feature, expected[i])
        assert kept['camera_id'] == i
        assert kept['is_query'] == (i < 2)
        assert kept['gt_label'] == 2 * (i // 4)


def test_modes(model, batch):
    images, samples = batch
    model.eval()
    with torch.no_grad():
        logits = model(images)
        assert logits.shape == (8, 6)
        assert torch.equal(logits, model.head.fc(
            model.extract_feat(images, 'pre_logits')))
        losses = model(images, samples, mode='loss')  # in eval mode too
    assert all(loss.isfinite() for loss in losses.values())


def test_autocast(model, batch):
    images, samples = batch
    model.train()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(images, samples, mode='loss')
        model.eval()
        sample = model(images, samples, mode='predict')[0]
    assert losses['loss_id'].dtype == torch.float32
    assert losses['loss_triplet'].dtype == torch.float32
    assert sample.feature.dtype == torch.float32


def distiller(**logits):
    """CC of the features alone, which may also compare the logits."""
    feature = dict(type='ModuleOutputs', source='neck')
    fc = dict(type='ModuleOutputs', source='head.fc')
    kernel = dict(type='GaussianRBFKernelConnector')
    projection = dict(
        type='TorchNNConnector',
        module_name='Linear',
        module_args=dict(in_features=32, out_features=64))
    return dict(
        type='ConfigurableDistiller',
        student_recorders=dict(feature=feature, fc=fc),
        teacher_recorders=dict(feature=feature, fc=fc),
        connectors=dict(kernel_s=[projection, kernel], kernel_t=kernel),
        distill_losses=dict(
            loss_cc=dict(type='CorrelationCongruenceLoss'), **logits),
        loss_forward_mappings=dict(
            loss_cc=dict(
                preds_S=dict(
                    from_student=True,
                    recorder='feature',
                    data_idx=0,
                    connector='kernel_s'),
                preds_T=dict(
                    from_student=False,
                    recorder='feature',
                    connector='kernel_t')),
            **{
                name: dict(
                    preds_S=dict(from_student=True, recorder='fc'),
                    preds_T=dict(from_student=False, recorder='fc'))
                for name in logits
            }))


def test_a_teacher_of_other_persons(model, batch, tmp_path):
    """Its checkpoint fits it, and CC needs no logits."""
    checkpoint = str(tmp_path / 'teacher.pth')
    save_checkpoint(dict(state_dict=model.state_dict()), checkpoint)
    cfg = dict(
        type='FrozenTeacherDistill',
        architecture=network(num_classes=3, base_channels=4),
        teacher=network(num_classes=6),
        teacher_ckpt=checkpoint)
    algorithm = MMRAZOR_MODELS.build(dict(distiller=distiller(), **cfg))
    assert torch.equal(algorithm.teacher.head.fc.weight,
                       model.head.fc.weight)
    algorithm.train()
    losses = algorithm(*batch, mode='loss')
    assert set(losses) == {
        'student.loss_id', 'student.loss_triplet', 'distill.loss_cc'
    }
    losses['distill.loss_cc'].backward()
    assert algorithm.student.backbone.conv1.weight.grad.abs().max() > 0
    # The teacher's recorders heard the feature before BNNeck, and the logits.
    recorders = algorithm.distiller.teacher_recorders.recorders
    assert recorders['feature'].data_buffer[0][0].shape == (8, 64)
    assert recorders['fc'].data_buffer[0].shape == (8, 6)

    kd = distiller(loss_kd=dict(type='KLDivergence', tau=4))
    with pytest.raises(ValueError, match='compares 3 .* with 6 of the teach'):
        MMRAZOR_MODELS.build(dict(distiller=kd, **cfg))


def test_is_registered():
    assert MODELS.get('ReIDHead') is ReIDHead


@pytest.mark.parametrize('label', [6, -1])
def test_label_out_of_range(model, batch, label):
    images, samples = batch
    samples[3].set_gt_label(label)
    with pytest.raises(ValueError, match=f'{label}.*num_classes=6. Set it'):
        model(images, samples, mode='loss')


def test_batch_without_a_triplet(model, batch):
    images, samples = batch
    with pytest.raises(ValueError, match='2 samples of 2 labels.*CURSampler'):
        model(images[3:5], samples[3:5], mode='loss')


@pytest.mark.parametrize('sizes', [(0, 8), (8, 0)])
def test_sizes_out_of_range(sizes):
    with pytest.raises(ValueError, match='must be positive, but are'):
        ReIDHead(*sizes)


def test_mixed_images_are_refused():
    """Mixup leaves the gt_label as it was, and the triplet loss takes it."""
    head = ReIDHead(num_classes=3, in_channels=4)
    samples = [
        DataSample().set_gt_label(label).set_gt_score(
            torch.eye(3)[label]) for label in (0, 0, 1, 1)
    ]
    features = (torch.randn(4, 4), )
    head.loss(features, samples)  # one-hot
    samples[2].set_gt_score(torch.tensor([0.5, 0.5, 0.0]))
    with pytest.raises(ValueError, match="model's train_cfg=None"):
        head.loss(features, samples)
