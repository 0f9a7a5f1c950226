"""docs/tutorial.md: its configs, commands and scripts, in their order."""
import json
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

import mmcckd  # noqa: F401

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / 'docs/tutorial.md').read_text()
SNIPPETS = dict(
    re.findall(r'<!-- snippet: (\w+) -->\n```python\n(.*?)```', PAGE, re.S))
COMMANDS = [
    shlex.split(line) for block in re.findall(r'```bash\n(.*?)```', PAGE, re.S)
    for line in block.replace('\\\n', ' ').splitlines()
]
# To try it: what the page says to add to the commands.
TRIAL, = re.findall(r'^--cfg-options (.*)$', PAGE, re.M)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With images of ten colors, and the configs of the page."""
    rng = np.random.default_rng(0)
    names = ['apple', *(f'fruit{i}' for i in range(9))]
    for color, name in zip(rng.integers(0, 256, (10, 3)), names):
        for split, count in (('train', 4), ('val', 1)):
            images = tmp_path / 'data/fruits' / split / name
            images.mkdir(parents=True)
            for i in range(count):
                Image.new('RGB', (48, 40), tuple(color.tolist())).save(
                    images / f'{i + 1:04}.jpg')
    for name in ('data', 'teacher', 'student'):
        path = tmp_path / re.match('# (.*)', SNIPPETS[name]).group(1)
        path.parent.mkdir(exist_ok=True)
        path.write_text(SNIPPETS[name])
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path)  # checkpoints of 500 MB


def run(command, monkeypatch):
    """In this process, which has the imports, and for a single epoch."""
    python, tool, *arguments = [
        part.replace('epoch_100', 'epoch_1') for part in command
    ]
    assert python == 'python'
    if tool in ('tools/train.py', 'tools/test.py'):
        if '--cfg-options' not in arguments:
            arguments.append('--cfg-options')
        arguments += TRIAL.split()
    monkeypatch.setattr(sys, 'argv', [tool, *arguments])
    runpy.run_path(str(ROOT / tool), run_name='__main__')


def test_tutorial(folder, monkeypatch):
    for command in COMMANDS:
        run(command, monkeypatch)
    terms = 'student.loss', 'distill.loss_kd', 'distill.loss_cc'
    train, val = logged(folder / 'work_dirs/student')
    assert all(train[name] > 0 for name in terms)
    kd_train, _ = logged(folder / 'work_dirs/student_kd')
    assert kd_train['distill.loss_cc'] == 0
    _, teacher_val = logged(folder / 'work_dirs/teacher')
    assert val['teacher.accuracy/top1'] == teacher_val['accuracy/top1']

    scope = {}
    exec(SNIPPETS['inferencer'], scope)
    exec(SNIPPETS['onnx'], scope)
    result = scope['result']
    assert list(scope['inferencer'].classes) == sorted(
        path.name for path in (folder / 'data/fruits/val').iterdir())
    np.testing.assert_allclose(
        scope['scores'][0], result['pred_scores'], atol=1e-5)
    assert 'mmcckd' not in (folder / 'fruits_student.py').read_text()


def logged(work_dir):
    """The first training iteration of a log, and the first validation."""
    lines = next(work_dir.glob('*/vis_data/scalars.json')).read_text()
    lines = [json.loads(line) for line in lines.splitlines()]
    return next(line for line in lines if 'loss' in line), next(
        line for line in lines if 'accuracy/top1' in line)


def test_published_weights(folder):
    """Those that the recipes for ImageNet have, without the head."""
    path = folder / 'fruits/teacher.py'
    path.write_text(SNIPPETS['teacher'] + SNIPPETS['pretrained'])
    cfg = Config.fromfile(path)
    recipes = Config.fromfile(ROOT / 'configs/_base_/models/in1k.py')
    assert cfg.model.backbone.init_cfg == dict(
        type='Pretrained', checkpoint=recipes.r34_ckpt, prefix='backbone')
