import pytest
from mmengine.config import ConfigDict
from mmrazor.registry import MODELS

SMALL = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8),
    neck=dict(type='GlobalAveragePooling'))
HEAD = dict(type='LinearClsHead', num_classes=5, in_channels=64)


def build(student_head, teacher_head):
    feature = dict(feature=dict(type='ModuleOutputs', source='neck'))
    return MODELS.build(
        ConfigDict(
            type='FrozenTeacherDistill',
            architecture=dict(head=student_head, **SMALL),
            teacher=dict(head=teacher_head, **SMALL),
            distiller=dict(
                type='ConfigurableDistiller',
                student_recorders=feature,
                teacher_recorders=feature)))


def test_student_without_a_head():
    with pytest.raises(
            ValueError,
            match='The student, a ImageClassifier, has no head, so it has no '
            r'loss for training. Give it a head, such as '
            r"architecture.head=dict\(type='LinearClsHead'"):
        build(None, HEAD)
    assert not build(HEAD, None).teacher.with_head


@pytest.mark.parametrize('type', ['EfficientFormerClsHead', 'LeViTClsHead'])
def test_head_of_two_classifiers(type):
    head = dict(HEAD, type=type)
    with pytest.raises(
            ValueError,
            match=f"The student's {type} has two classifiers, which "
            'MMPretrain evaluates but does not train.*'
            'architecture.head.distillation=False'):
        build(head, HEAD)
    assert build(dict(head, distillation=False), head)
