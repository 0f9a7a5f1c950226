"""tools/export_student.py, and its files in the hands of their users."""
import copy
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.hub import get_config
from mmengine.runner import Runner, save_checkpoint
from mmpretrain import get_model
from mmpretrain.registry import MODELS, TRANSFORMS
from torch import nn

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
    assert re.search(
        r'Student: 6,268 parameters\nONNX: images \(n, 1, 8, 8\), normalized '
        r'\(mean=\[\d.*\], std=\[\d.*\]\) -> logits, whose softmax is the '
        rf'scores; within .*\nWritten:\n{out}.pth\n{out}.py\n{out}.onnx\n$',
        result.stdout)
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
    assert 'Student: 3,504,872 parameters\nONNX: ' in result.stdout
    assert result.stdout.endswith(
        '\nWritten:\nmbv2.pth\nmbv2.py\nmbv2.onnx\n')
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


@pytest.fixture(scope='module')
def reid(tmp_path_factory, toy_msmt17):
    """A checkpoint of a re-ID distillation, and its untrained student."""
    cfg = Config.fromfile(ROOT / 'configs/cckd/r50_r18_msmt17.py')
    cfg.test_dataloader.dataset.data_root = toy_msmt17
    cfg.test_dataloader.dataset.pipeline[1].scale = (32, 64)
    cfg.model.architecture.backbone.update(
        init_cfg=None, base_channels=8, stem_channels=8)
    cfg.model.architecture.head.update(in_channels=64)
    torch.manual_seed(0)
    student = MODELS.build(cfg.model.architecture)
    student(torch.randn(32, 3, 64, 32), mode='tensor')  # moves the statistics
    nn.init.normal_(student.head.bnneck.weight)
    state_dict = {
        f'architecture.{name}': tensor
        for name, tensor in student.state_dict().items()
    }
    path = tmp_path_factory.mktemp('reid') / 'epoch_1.pth'
    save_checkpoint(
        dict(meta=dict(cfg=cfg.pretty_text), state_dict=state_dict), str(path))
    return path, student.eval(), cfg


def reid_snippet():
    return re.search(r'<!-- snippet: retrieval -->\n```python\n(.*?)```',
                     (ROOT / 'docs/reid.md').read_text(), re.DOTALL).group(1)


def export_here(monkeypatch, *arguments):
    """As export(), in this process."""
    tool = str(ROOT / 'tools/export_student.py')
    monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
    runpy.run_path(tool, run_name='__main__')


def test_a_reid_student(reid, toy_market1501, tmp_path, monkeypatch, capsys):
    checkpoint, student, cfg = reid
    monkeypatch.chdir(tmp_path)
    export_here(monkeypatch, checkpoint, 'student.pth', '--onnx')
    assert ('ONNX: images (n, 3, 64, 32), normalized (to_rgb=True, mean=[123.'
            '675, 116.28, 103.53], std=[58.395, 57.12, 57.375]) -> feature, '
            'the feature for retrieval; within ') in capsys.readouterr().out

    images = torch.randn(7, 3, 64, 32)
    with torch.no_grad():
        expected = torch.stack([
            sample.feature for sample in student(images, mode='predict')])
    session = onnxruntime.InferenceSession('student.onnx')
    assert [o.name for o in session.get_outputs()] == ['feature']
    found, = session.run(None, dict(images=images.numpy()))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    model = get_model('student.py', pretrained='student.pth')
    with torch.no_grad():
        logits = model(images, mode='tensor')
        assert torch.equal(logits, student(images, mode='tensor'))
        assert torch.equal(
            model.extract_feat(images, stage='pre_logits'), expected)

    # The example in the documents, in a process without mmcckd.
    code = reid_snippet()
    assert code.count("'toy/market1501/") == 2
    result = subprocess.run(
        [sys.executable, '-c',
         code.replace('toy/market1501', toy_market1501)],
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stderr
    query, *found = [line.split() for line in result.stdout.splitlines()[-6:]]
    root = Path(toy_market1501)
    gallery = sorted((root / 'bounding_box_test').glob('*.jpg'))
    query = root / 'query' / query[1]
    features = reid_features(student, cfg, [query, *gallery])
    similarities = torch.cosine_similarity(features[:1], features[1:])
    assert found == [[f'{similarities[i]:.3f}', gallery[i].name]
                     for i in similarities.argsort(descending=True)[:5]]


def reid_features(student, cfg, paths):
    """By the run's own pipeline and preprocessor."""
    pipeline = Compose([
        TRANSFORMS.build(transform)
        for transform in cfg.test_dataloader.dataset.pipeline
    ])
    data = pseudo_collate([pipeline(dict(img_path=str(p))) for p in paths])
    preprocessor = MODELS.build(cfg.data_preprocessor)
    with torch.no_grad():
        samples = student(**preprocessor(data), mode='predict')
    return torch.stack([sample.feature for sample in samples])


def test_onnx_fails_alone(reid, tmp_path, monkeypatch):
    """A checkpoint and a config are right whatever ONNX says."""
    checkpoint, student, cfg = reid
    cfg = copy.deepcopy(cfg)
    cfg.test_dataloader.dataset.pipeline.pop(1)  # no size of images
    cfg.test_dataloader.dataset.data_root = '/nowhere'
    cfg.dump(tmp_path / 'config.py')
    out = tmp_path / 'out'
    with pytest.raises(SystemExit) as info:
        export_here(monkeypatch, checkpoint, f'{out}.pth', '--onnx',
                    '--config', tmp_path / 'config.py')
    assert info.value.code.startswith(
        'export_student: ValueError: The size of the images is not known')
    assert info.value.code.endswith(
        f'No ONNX file was written; {out}.pth and {out}.py were written '
        'and are correct.')
    assert {path.name for path in tmp_path.iterdir()} == {
        'config.py', 'out.pth', 'out.py'
    }
    model = get_model(f'{out}.py', pretrained=f'{out}.pth')
    assert torch.equal(model.head.fc.weight, student.head.fc.weight)
