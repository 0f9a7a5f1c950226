import copy
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel, ImgDataPreprocessor
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.runner import Runner, save_checkpoint
from mmpretrain.models import ClsDataPreprocessor, CutMix, Mixup
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.models.algorithms.teacher_images import (
    ConvertImages,
    compare_preprocessors,
    convert_images_for_teacher,
)
from mmcckd.models.preprocessing import preprocessing_of

ROOT = Path(__file__).parent.parent.parent
CCKD = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'
IMAGENET = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
CIFAR = dict(mean=[125.307, 122.961, 113.8575], std=[51.5865, 50.847, 51.255])
GRAY = dict(mean=[127.5], std=[128.0])


class Listener(BaseModel):
    """A network that keeps what it is given."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        self.seen = inputs
        return inputs


def images(channels=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(
        0, 256, (4, channels, 6, 5), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize('own', [
    dict(CIFAR), dict(IMAGENET, to_rgb=True), dict(CIFAR, to_rgb=True),
    dict(GRAY), dict(to_rgb=True), dict(mean=[0, 0, 0], std=[255, 255, 255])
])
@pytest.mark.parametrize('run', [
    dict(IMAGENET), dict(IMAGENET, to_rgb=True), dict(GRAY),
    dict(GRAY, to_rgb=True), dict()
])
def test_teacher_sees_what_its_own_preprocessor_makes(own, run):
    own, run = ClsDataPreprocessor(**own), ClsDataPreprocessor(**run)
    batch = dict(inputs=images())
    expected = own(batch)['inputs']
    teacher = Listener(own)
    convert_images_for_teacher(teacher, run)
    teacher(run(batch)['inputs'], mode='tensor')
    torch.testing.assert_close(teacher.seen, expected, rtol=1e-5, atol=1e-4)
    # as a validation calls it
    teacher.val_step(batch)
    torch.testing.assert_close(teacher.seen, expected, rtol=1e-5, atol=1e-4)


def test_gray_images_are_not_swapped():
    own, run = (ClsDataPreprocessor([9], [3]),
                ClsDataPreprocessor([0], [255], to_rgb=True))
    batch = dict(inputs=images(1))
    teacher = Listener(own)
    convert_images_for_teacher(teacher, run)
    teacher(**run(batch), mode='tensor')
    torch.testing.assert_close(teacher.seen, own(batch)['inputs'])


@pytest.mark.parametrize('own', [
    ClsDataPreprocessor(**IMAGENET, to_rgb=True),
    ImgDataPreprocessor(**IMAGENET, bgr_to_rgb=True),
    ClsDataPreprocessor(num_classes=9), None
])
def test_nothing_is_done_where_they_agree(own):
    teacher = Listener(own)
    convert_images_for_teacher(
        teacher, ClsDataPreprocessor(**IMAGENET, to_rgb=True))
    batch = torch.randn(2, 3, 4, 4)
    assert teacher(batch, mode='tensor') is batch


@pytest.mark.parametrize('augment', [Mixup(0.8), CutMix(1.0)])
def test_mixing_before_is_as_mixing_after(augment):
    """Both are linear in the pixels."""
    run, own = ClsDataPreprocessor(**IMAGENET), ClsDataPreprocessor(
        **CIFAR, to_rgb=True)
    batch, scores = dict(inputs=images()), torch.eye(4)
    convert = ConvertImages(
        preprocessing_of(run), preprocessing_of(own)).convert

    def mix(inputs):
        np.random.seed(0)
        torch.manual_seed(0)
        return augment(inputs.clone(), scores)[0]

    torch.testing.assert_close(
        convert(mix(run(batch)['inputs'])), mix(own(batch)['inputs']),
        rtol=1e-5, atol=1e-5)


def test_copies_and_pickles():
    run, own = ClsDataPreprocessor(**IMAGENET), ClsDataPreprocessor(**CIFAR)
    batch = dict(inputs=images())
    teacher = Listener(own)
    convert_images_for_teacher(teacher, run)
    file = io.BytesIO()
    torch.save(teacher, file)
    file.seek(0)
    for other in (copy.deepcopy(teacher),
                  torch.load(file, weights_only=False)):
        other.val_step(batch)
        torch.testing.assert_close(other.seen, own(batch)['inputs'])


def test_teacher_of_two_runs():
    """A built model may be given to one algorithm and then to another."""
    own = ClsDataPreprocessor(**CIFAR)
    teacher, batch = Listener(own), dict(inputs=images())
    for run in (ClsDataPreprocessor(**IMAGENET),
                ClsDataPreprocessor(**GRAY, to_rgb=True)):
        convert_images_for_teacher(teacher, run)
        teacher(**run(batch), mode='tensor')
        torch.testing.assert_close(
            teacher.seen, own(batch)['inputs'], rtol=1e-5, atol=1e-5)


def test_precision_and_memory_format_are_kept():
    convert = ConvertImages(
        preprocessing_of(ClsDataPreprocessor(**IMAGENET)),
        preprocessing_of(ClsDataPreprocessor(**CIFAR, to_rgb=True))).convert
    batch = images().contiguous(memory_format=torch.channels_last)
    half = convert(batch.half())
    assert half.dtype == torch.float16
    assert half.is_contiguous(memory_format=torch.channels_last)
    assert convert(batch).dtype == torch.float32
    torch.testing.assert_close(convert(batch[0]), convert(batch)[0])


class Unknown(ClsDataPreprocessor):

    def forward(self, data, training=False):
        return super().forward(data, training)


@pytest.mark.parametrize('own, run, reason', [
    (ClsDataPreprocessor(**CIFAR), ClsDataPreprocessor(
        **IMAGENET, pad_size_divisor=32), 'the padding has a constant value'),
    (ClsDataPreprocessor(**CIFAR, pad_size_divisor=32),
     ClsDataPreprocessor(**CIFAR), 'the padding has a constant value'),
    (Unknown(**CIFAR), ClsDataPreprocessor(**IMAGENET),
     'the forward method of Unknown is unk'),
    (nn.Identity(), ClsDataPreprocessor(**IMAGENET),
     'the forward method of Identity is un'),
    (ClsDataPreprocessor(mean=[1], std=[0]), ClsDataPreprocessor(**IMAGENET),
     'a std is 0'),
    (ClsDataPreprocessor(mean=[1] * 4, std=[1] * 4),
     ClsDataPreprocessor(**IMAGENET), 'the numbers of channels differ'),
])
def test_refused(own, run, reason):
    with pytest.raises(ValueError, match=reason) as error:
        convert_images_for_teacher(Listener(own), run)
    text = str(error.value)
    assert f'of the teacher: {type(own).__name__}, ' in text
    assert f'of the run: {type(run).__name__}, ' in text
    assert 'model.teacher.data_preprocessor=None' in text


def test_images_that_the_pipeline_has_normalized():
    """Only the values can tell, since the run's preprocessor does nothing."""
    run, batch = ClsDataPreprocessor(), dict(inputs=images())
    teacher = Listener(ClsDataPreprocessor(**IMAGENET))
    convert_images_for_teacher(teacher, run)
    with pytest.raises(ValueError, match='are already normalized'):
        teacher(run(batch)['inputs'] - 100, mode='tensor')


def test_a_student_that_says_otherwise(log):
    run = ClsDataPreprocessor(**IMAGENET)
    compare_preprocessors(Listener(ClsDataPreprocessor(num_classes=3)), run)
    compare_preprocessors(Listener(ClsDataPreprocessor(**IMAGENET)), run)
    assert not log.text
    compare_preprocessors(
        Listener(ClsDataPreprocessor(mean=[1], std=[2])), run)
    assert 'WARNING' in log.text and (
        "The student's own data_preprocessor (ClsDataPreprocessor, mean [1], "
        'std [2]) is not used.') in log.text


def test_what_is_converted_is_said(log):
    convert_images_for_teacher(
        Listener(ClsDataPreprocessor(**GRAY)), ClsDataPreprocessor([0], [255]))
    assert ('Images are converted for the teacher, from mean [0], std [255] '
            'to mean [127.5], std [128].') in log.text


def digits(path, work_dir, **changes):
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            experiment_name=str(work_dir),
            log_level='WARNING',
            default_hooks=dict(checkpoint=None)))
    cfg.merge_from_dict(changes)
    return cfg


@pytest.fixture(scope='module')
def other_teacher(tmp_path_factory):
    """A teacher of other means and deviations than the recipe's, its
    checkpoint, and how good it is alone."""
    folder = tmp_path_factory.mktemp('teacher')
    own = dict(mean=[0], std=[255])
    cfg = digits(
        ROOT / 'configs/baseline/r18w16_digits.py', folder,
        data_preprocessor=own, train_cfg=dict(max_epochs=20, val_interval=100),
        param_scheduler=dict(T_max=20))
    runner = Runner.from_cfg(cfg)
    runner.train()
    path = folder / 'teacher.pth'
    save_checkpoint(dict(state_dict=runner.model.state_dict()), str(path))
    alone = runner.val_loop.run()['accuracy/top1']
    assert alone > 50
    teacher = dict(cfg.model, data_preprocessor=dict(cfg.data_preprocessor))
    return teacher, str(path), alone


@pytest.mark.parametrize('loop, dtype, tolerance', [
    ('FrozenTeacherDistillValLoop', None, 0),
    ('mmrazor.SingleTeacherDistillValLoop', 'bfloat16', 2.0),
])
def test_a_teacher_is_as_good_in_a_run_as_alone(other_teacher, loop, dtype,
                                                tolerance, tmp_path):
    teacher, path, alone = other_teacher
    cfg = digits(
        CCKD, tmp_path, val_cfg=dict(type=loop),
        train_cfg=dict(max_epochs=1, val_interval=1))
    cfg.model.teacher = teacher
    cfg.model.teacher_ckpt = path
    cfg.model.teacher_dtype = dtype
    # bfloat16 has 8 bits, and would round these
    cfg.data_preprocessor.update(mean=[78.3], std=[96.7])
    runner = Runner.from_cfg(cfg)
    seen, call_hook = [], runner.call_hook

    def listen(name, **kwargs):
        if name == 'after_val_epoch':
            seen.append(kwargs['metrics'])
        return call_hook(name, **kwargs)

    runner.call_hook = listen
    runner.train()
    metrics, = seen
    assert metrics['teacher.accuracy/top1'] == pytest.approx(
        alone, abs=tolerance)
    # what the student is given is still the run's
    run = preprocessing_of(runner.model.data_preprocessor)
    assert run.mean == pytest.approx((78.3, )) and run.std == pytest.approx(
        (96.7, ))


def test_training_converts(other_teacher):
    """The losses are those of a teacher that is given its own images."""
    teacher, path, _ = other_teacher
    cfg = Config.fromfile(CCKD)
    cfg.model.update(
        teacher=teacher, teacher_ckpt=path,
        data_preprocessor=cfg.data_preprocessor)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        algorithm = MODELS.build(cfg.model)
        alone = MODELS.build(teacher)
    alone.load_state_dict(torch.load(path)['state_dict'])
    alone.eval()
    logits = []
    algorithm.teacher.register_forward_hook(
        lambda module, args, output: logits.append(output))
    batch = dict(
        inputs=list(images(1)[:, :, :, :5].float()),
        data_samples=[
            DataSample().set_gt_label(label) for label in range(4)
        ])
    algorithm.train_step(batch, OptimWrapper(
        torch.optim.SGD(algorithm.parameters(), lr=0.)))
    expected = alone(alone.data_preprocessor(batch)['inputs'], mode='tensor')
    torch.testing.assert_close(logits[-1], expected, rtol=1e-4, atol=1e-4)
