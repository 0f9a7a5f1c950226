"""tools/export_student.py, and its files in the hands of their users."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import Runner, save_checkpoint
from mmpretrain import get_model

import mmcckd  # noqa: F401

ROOT = Path(__file__).parent.parent.parent
DIGITS = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'
MBV2 = 'mobilenet-v2_8xb32_in1k'

# What a user of MMPretrain does, who may never have heard of mmcckd.
USE = """
import sys
import numpy as np
import torch
from mmpretrain import ImageClassificationInferencer, get_model

image, out = sys.argv[1:3]
if image.endswith('.npy'):
    image = np.load(image)
inferencer = ImageClassificationInferencer(f'{out}.py', f'{out}.pth')
result, = inferencer(image)
model = get_model(f'{out}.py', pretrained=f'{out}.pth')
images = torch.from_numpy(np.load(f'{out}.images.npy'))
with torch.no_grad():
    logits = model(images, mode='tensor').numpy()
np.savez(
    f'{out}.npz', logits=logits, scores=result['pred_scores'],
    name=result['pred_class'], mmcckd='mmcckd' in sys.modules)
"""


def export(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, str(ROOT / 'tools/export_student.py'),
         *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True)


def use(out, image, images):
    """What the script above finds out, in a process of its own."""
    np.save(f'{out}.images.npy', images.numpy())
    result = subprocess.run(
        [sys.executable, '-c', USE, str(image), str(out)],
        cwd=out.parent,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stderr
    return np.load(f'{out}.npz')


def test_digits(tmp_path):
    cfg = Config.fromfile(DIGITS)
    cfg.model.teacher_ckpt = None
    cfg.work_dir = str(tmp_path / 'run')
    cfg.log_level = 'ERROR'
    cfg.train_cfg.max_epochs = cfg.param_scheduler.T_max = 1
    runner = Runner.from_cfg(cfg)
    runner.train()
    checkpoint = f'{cfg.work_dir}/epoch_1.pth'
    out = tmp_path / 'out' / 'student'

    result = export(checkpoint, f'{out}.pth', '--onnx')
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(
        f'Student: 6,268 parameters\nWritten:\n{out}.pth\n{out}.py\n'
        f'{out}.onnx\n')
    names = {p.name for p in out.parent.iterdir()}
    assert names == {'student.pth', 'student.py', 'student.onnx'}

    images = torch.randn(7, 1, 8, 8)
    student = runner.model.student.eval()
    with torch.no_grad():
        expected = student(images, mode='tensor').numpy()
    session = onnxruntime.InferenceSession(f'{out}.onnx')
    found, = session.run(None, dict(images=images.numpy()))
    np.testing.assert_allclose(found, expected, atol=1e-4)

    digit = np.random.default_rng(0).integers(0, 256, (8, 8, 1), np.uint8)
    np.save(tmp_path / 'digit.npy', digit)
    used = use(out, tmp_path / 'digit.npy', images)
    np.testing.assert_array_equal(used['logits'], expected)
    assert used['name'] == str(used['scores'].argmax())
    data = dict(inputs=[torch.from_numpy(digit).permute(2, 0, 1)])
    inputs = runner.model.data_preprocessor(data)['inputs']
    with torch.no_grad():
        scores = student(inputs, mode='tensor').softmax(1)[0]
    np.testing.assert_allclose(used['scores'], scores, atol=1e-6)

    # Once more, by mistake.
    result = export(checkpoint, f'{out}.pth')
    assert result.returncode == 1
    assert f'{out}.pth exists, so it is left alone' in result.stderr
    assert result.stderr.splitlines()[-1].startswith('export_student: FileEx')


@pytest.fixture(scope='module')
def mbv2(tmp_path_factory):
    """A checkpoint with an untrained student for ImageNet, and the student."""
    cfg = get_config(f'mmpretrain::mobilenet_v2/{MBV2}.py')
    cfg.custom_imports = dict(imports=['mmcckd'], allow_failed_imports=False)
    cfg.model = dict(
        _scope_='mmrazor',
        type='FrozenTeacherDistill',
        architecture=dict(
            cfg_path=f'mmpretrain::mobilenet_v2/{MBV2}.py', pretrained=False))
    torch.manual_seed(0)
    student = get_model(MBV2)
    state_dict = {
        f'architecture.{name}': tensor
        for name, tensor in student.state_dict().items()
    }
    state_dict['distiller.connectors.kernel_s.0.func.weight'] = torch.ones(2)
    path = tmp_path_factory.mktemp('mbv2') / 'epoch_1.pth'
    save_checkpoint(
        dict(meta=dict(cfg=cfg.pretty_text), state_dict=state_dict), str(path))
    return path, student


def test_a_student_of_mmpretrain(mbv2, tmp_path):
    checkpoint, student = mbv2
    out = tmp_path / 'mbv2'
    result = export(checkpoint, 'mbv2.pth', '--onnx', cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(
        'Student: 3,504,872 parameters\nWritten:\nmbv2.pth\nmbv2.py\n'
        'mbv2.onnx\n')
    image, = onnxruntime.InferenceSession(f'{out}.onnx').get_inputs()
    assert image.shape == ['batch', 3, 224, 224]

    import cv2
    picture = str(tmp_path / 'picture.png')
    cv2.imwrite(picture, np.full((50, 60, 3), 100, np.uint8))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = student(images, mode='tensor').numpy()
    used = use(out, picture, images)
    np.testing.assert_array_equal(used['logits'], expected)
    assert used['scores'].shape == (1000, )
    assert not used['mmcckd']  # plain MMPretrain

    by_name = get_model(MBV2, pretrained=f'{out}.pth')
    with torch.no_grad():
        found = by_name(images, mode='tensor').numpy()
    np.testing.assert_array_equal(found, expected)
