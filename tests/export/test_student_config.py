"""The config of a run becomes that of its student."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hub import get_config

from mmcckd.export.student_config import student_config

ROOT = Path(__file__).parent.parent.parent
DIGITS = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'
LINES = {
    'default_scope', 'model', 'data_preprocessor', 'test_dataloader',
    'test_evaluator', 'test_cfg'
}


@pytest.fixture
def run():
    return Config.fromfile(DIGITS)


@pytest.fixture
def in1k():
    """A run whose student is MMPretrain's own."""
    cfg = get_config('mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py')
    cfg.custom_imports = dict(
        imports=['mmcckd'], allow_failed_imports=False)
    cfg.model = dict(
        _scope_='mmrazor',
        type='FrozenTeacherDistill',
        architecture=dict(
            cfg_path='mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py',
            pretrained=False))
    return cfg


def test_digits(run):
    cfg = student_config(run)
    assert set(cfg) == LINES | {'custom_imports'}  # Digits is mmcckd's
    expected = run.r10w6.to_dict()
    del expected['_scope_']
    assert cfg.model.to_dict() == expected
    assert cfg.custom_imports.imports == ['mmcckd']
    for name in ('data_preprocessor', 'test_dataloader', 'test_evaluator'):
        assert cfg[name] == run[name], name


def test_a_student_of_mmpretrain_needs_nothing_else(in1k):
    cfg = student_config(in1k)
    plain = get_config('mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py')
    assert set(cfg) == LINES
    for name in LINES - {'test_cfg'}:
        assert cfg[name] == plain[name], name


def test_the_run_is_left_as_it_is(in1k):
    before = in1k.to_dict()
    student_config(in1k)
    assert in1k.to_dict() == before


def test_keys_beside_cfg_path_override(in1k):
    in1k.model.architecture.train_cfg = dict(augments=dict(type='Mixup'))
    in1k.model.architecture.head = dict(num_classes=2)
    cfg = student_config(in1k)
    assert cfg.model.train_cfg == dict(augments=dict(type='Mixup'))
    assert cfg.model.head.num_classes == 2
    assert cfg.model.head.type == 'LinearClsHead'


def test_a_student_of_a_plain_file(run, tmp_path):
    """A run's config may name one, that of a checkpoint may not."""
    expected = student_config(run).to_dict()
    path = tmp_path / 'student.py'
    path.write_text(
        f"_base_ = {str(ROOT / 'configs/baseline/r10w6_digits.py')!r}\n")
    run.model.architecture = dict(cfg_path=str(path))
    assert student_config(run).to_dict() == expected
    with pytest.raises(ValueError, match='expected package::folder/file.py'):
        student_config(Config(run.to_dict()))


def test_the_data_preprocessor_is_that_of_the_run(in1k):
    in1k.model.data_preprocessor = dict(type='ClsDataPreprocessor', mean=[1])
    assert student_config(in1k).data_preprocessor.mean == [1]
    del in1k.model['data_preprocessor']
    in1k.data_preprocessor = dict(type='ClsDataPreprocessor', mean=[2])
    assert student_config(in1k).data_preprocessor.mean == [2]
    in1k.pop('data_preprocessor')  # MMRazor then takes the student's own
    assert student_config(in1k).data_preprocessor.mean == [
        123.675, 116.28, 103.53
    ]


def test_other_imports_stay(run, in1k):
    run.custom_imports.imports = 'of_the_user'
    assert student_config(run).custom_imports.imports == [
        'mmcckd', 'of_the_user'
    ]
    in1k.custom_imports.imports = ['mmcckd.models', 'of_the_user']
    assert student_config(in1k).custom_imports.imports == ['of_the_user']


def test_imports_of_a_checkpoint_do_not_stay(run, in1k):
    """A config without a file name is that of a checkpoint."""
    for cfg in (run, in1k):
        cfg.custom_imports.imports = ['mmcckd', 'of_somebody']
    assert student_config(Config(run.to_dict())).custom_imports == dict(
        imports=['mmcckd'], allow_failed_imports=False)
    assert 'custom_imports' not in student_config(Config(in1k.to_dict()))


def test_mmrazor_cannot_be_imported_without_mmcckd(in1k):
    in1k.pop('custom_imports')
    in1k.model.architecture = dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(type='mmrazor.WideResNet', depth=16, widen_factor=2))
    assert student_config(in1k).custom_imports.imports == ['mmcckd']


def test_files_that_the_run_began_with_are_left_out(run):
    kaiming = dict(type='Kaiming', layer='Conv2d')
    pretrained = dict(type='Pretrained', checkpoint='/of/the/run.pth')
    run.model.architecture.init_cfg = pretrained
    run.model.architecture.backbone.init_cfg = [pretrained]
    run.model.architecture.head.init_cfg = kaiming
    cfg = student_config(run)
    assert '/of/the/run.pth' not in cfg.pretty_text
    assert cfg.model.head.init_cfg == kaiming


def test_nothing_is_downloaded_for_the_student(in1k):
    in1k.model.architecture = dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='TIMMBackbone', model_name='resnet18', pretrained=True,
            checkpoint_path='/of/the/run.pth'))
    assert student_config(in1k).model.backbone == dict(
        type='TIMMBackbone', model_name='resnet18')


def test_images_are_loaded_as_inferencers_expect(in1k):
    in1k.test_dataloader.dataset.pipeline[0] = dict(
        type='LoadImage', imdecode_backend='pillow')
    cfg = student_config(in1k)
    assert cfg.test_dataloader.dataset.pipeline[0] == dict(
        type='LoadImageFromFile', imdecode_backend='pillow')
    assert 'custom_imports' not in cfg


def test_validation_stands_in_for_a_test(run):
    run.pop('test_dataloader')
    cfg = student_config(run)
    assert cfg.test_dataloader == run.val_dataloader
    assert cfg.test_evaluator == run.val_evaluator


def test_a_config_of_the_student_itself(run):
    alone = Config.fromfile(ROOT / 'configs/baseline/r10w6_digits.py')
    assert student_config(alone).to_dict() == student_config(run).to_dict()


def test_errors(run, in1k):
    with pytest.raises(ValueError, match='it has no model'):
        student_config(Config(dict(a=1)))
    in1k.model.architecture.cfg_path = 'mmpretrain::a/../../../../evil.py'
    stored = Config(in1k.to_dict())
    with pytest.raises(ValueError, match='expected package::folder/file.py'):
        student_config(stored)
    run.test_dataloader = run.val_dataloader = None
    with pytest.raises(ValueError, match='neither a test_dataloader nor'):
        student_config(run)
