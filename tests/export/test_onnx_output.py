"""The exported output is the one that predictions are computed from."""
import pytest
import torch
from mmengine.config import Config
from mmpretrain import get_model
from mmpretrain.models import ClsHead, ImageClassifier
from mmpretrain.registry import MODELS
from torch import nn

import mmcckd  # noqa: F401
from mmcckd.export.onnx_output import output_of

IMAGES = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
WIDTH = 64


class Tokens(nn.Module):
    """Several vectors for each image, as some heads expect."""

    def forward(self, feats):
        return ([feats[-1], feats[-1].flip(1)], )


def model(head, neck=(dict(type='GlobalAveragePooling'), )):
    neck = [
        part if isinstance(part, nn.Module) else MODELS.build(part)
        for part in neck
    ]
    torch.manual_seed(0)
    built = ImageClassifier(
        backbone=dict(
            type='mmpretrain.ResNet',
            depth=18,
            base_channels=8,
            stem_channels=8),
        neck=nn.Sequential(*neck) if neck else None,
        head=head if isinstance(head, nn.Module) else MODELS.build(head))
    for weights in built.head.parameters():
        if weights.dim() > 1:
            nn.init.normal_(weights)
    for layer in built.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    return built.eval()


GAP = dict(type='GlobalAveragePooling', _scope_='mmpretrain')
SIZE = dict(num_classes=5, in_channels=WIDTH, _scope_='mmpretrain')


@pytest.mark.parametrize('head', [
    dict(type='LinearClsHead'),
    dict(type='StackedLinearClsHead', mid_channels=[7]),
    dict(type='ArcFaceClsHead'),
    dict(type='EfficientFormerClsHead'),
    dict(type='EfficientFormerClsHead', distillation=False),
    dict(type='LeViTClsHead'),
    dict(type='LeViTClsHead', distillation=False),
    dict(type='MultiLabelLinearClsHead'),
    dict(type='CSRAClsHead', num_heads=2, lam=0.1),
    dict(type='VisionTransformerClsHead'),
    dict(type='VisionTransformerClsHead', hidden_dim=9),
    dict(type='DeiTClsHead'),
    dict(type='DeiTClsHead', _scope_='mmrazor'),
    dict(type='ConformerHead', in_channels=[WIDTH, WIDTH]),
    dict(type='VigClsHead', hidden_dim=9),
], ids=lambda head: '-'.join(map(str, head.values())))
def test_logits_give_the_predicted_scores(head):
    neck = [GAP]
    name = head['type']
    if name == 'CSRAClsHead':  # of maps
        neck = []
    elif name in ('DeiTClsHead', 'ConformerHead'):
        neck = [GAP, Tokens()]
    classifier = model({**SIZE, **head}, neck)
    output = output_of(classifier, IMAGES)
    assert output.name == 'logits'
    with torch.no_grad():
        logits = output.network(IMAGES)
        predicted = classifier(IMAGES, mode='predict')
    scores = torch.stack([sample.pred_score for sample in predicted])
    multi_label = name in ('MultiLabelLinearClsHead', 'CSRAClsHead')
    assert ('sigmoid' if multi_label else 'softmax') in output.meaning
    torch.testing.assert_close(
        logits.sigmoid() if multi_label else logits.softmax(1), scores)
    assert logits.std() > 1e-3  # it is no trivial case
    assert not output.network.training


def test_the_feature_of_a_reid_student_is_the_one_after_bnneck():
    reid = model(dict(SIZE, type='ReIDHead'), [GAP])
    output = output_of(reid, IMAGES)
    assert output.name == 'feature'
    with torch.no_grad():
        found = output.network(IMAGES)
        predicted = reid(IMAGES, mode='predict')
        before, = reid.extract_feat(IMAGES)
    assert torch.equal(found, torch.stack([s.feature for s in predicted]))
    assert torch.equal(found, reid.head.bnneck(before))
    assert (found - before).abs().max() > 0.1


def test_the_feature_of_a_retriever():
    retriever = get_model(
        Config(
            dict(
                model=dict(
                    type='ImageToImageRetriever',
                    image_encoder=[
                        dict(type='ResNet', depth=18, base_channels=8,
                             stem_channels=8),
                        dict(type='GlobalAveragePooling')
                    ],
                    prototype='features.pth'))))
    output = output_of(retriever, IMAGES)
    assert output.name == 'feature'
    with torch.no_grad():
        expected, = retriever(IMAGES, mode='tensor')
        assert torch.equal(output.network(IMAGES), expected)


class Sharpened(ClsHead):
    """Its predictions are not computed from its logits."""

    def _get_predictions(self, logits, data_samples):
        return super()._get_predictions(3 * logits, data_samples)


class Failing(ClsHead):

    def predict(self, feats, data_samples=None):
        raise KeyError('gt_label')


TASKS = dict(
    type='MultiTaskHead',
    _scope_='mmpretrain',
    task_heads=dict(a=dict(SIZE, type='LinearClsHead')))


@pytest.mark.parametrize('head, message', [
    (Sharpened(), 'ImageClassifier with Sharpened, predicts neither'),
    (TASKS, 'ImageClassifier with MultiTaskHead, predicts neither'),
    (Failing(), r"with Failing, predicts neither .* \(KeyError: 'gt_label'\)"),
])
def test_others_are_refused_by_name(head, message):
    with pytest.raises(ValueError, match=message):
        output_of(model(head, [GAP]), IMAGES)
