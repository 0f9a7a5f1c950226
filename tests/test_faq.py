"""docs/faq.md: its commands are taken, and its config builds."""
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmrazor.registry import MODELS

from mmcckd.engine import load_config
from mmcckd.recipes.mixing_arguments import mix

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / 'docs/faq.md').read_text()
TUTORIAL = (ROOT / 'docs/tutorial.md').read_text()
COMMANDS = [
    shlex.split(line) for block in re.findall(r'```bash\n(.*?)```', PAGE, re.S)
    for line in block.replace('\\\n', ' ').splitlines()
]
# What the names in the commands stand for.
NAMES = dict(
    CONFIG='configs/cckd/r34_r18_in1k.py',
    RECIPE='mmrazor::distill/mmcls/kd/kd_logits_resnet34_resnet18_8xb32_in1k.py')


def commands(tool):
    return [command for command in COMMANDS if command[1] == f'tools/{tool}']


@pytest.mark.parametrize('command', commands('train.py'), ids=' '.join)
def test_training(command, monkeypatch):
    """Up to the training; an override without effect would be refused."""
    path = ROOT / command[1]
    spec = importlib.util.spec_from_file_location('train', path)
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    arguments = [NAMES.get(part, part) for part in command[1:]]
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, 'argv', arguments)
    args = train.parse_args()
    assert mix(load_config(args), args).model.distiller.distill_losses.loss_cc


def test_there_are_commands():
    assert len(commands('train.py')) > 5


def test_vision_transformer(tmp_path, monkeypatch):
    """With the tutorial's student."""
    snippets = dict(
        re.findall(r'<!-- snippet: (\w+) -->\n```python\n(.*?)```',
                   TUTORIAL + PAGE, re.S))
    for name in ('data', 'student', 'vit'):
        (tmp_path / f'{name}.py').write_text(snippets[name])
    cfg = Config.fromfile(tmp_path / 'vit.py')
    assert cfg.model.teacher_ckpt == 'deit-small.pth'
    algorithm = MODELS.build({**cfg.model, 'teacher_ckpt': None})
    teacher, student = algorithm.teacher, algorithm.student
    assert teacher.head.num_classes == student.head.num_classes == 10
    assert teacher.backbone.embed_dims == 384
    assert student.head.in_channels == 512


@pytest.mark.parametrize('name', ['faq.md', 'tutorial.md'])
def test_anchors(name):
    """Of this page and of others."""
    text = (ROOT / 'docs' / name).read_text()
    links = re.findall(r'\]\(([\w.]*)#([^)]+)\)', text)
    assert links
    for page, anchor in links:
        titles = re.findall(r'^#+ (.*)',
                            (ROOT / 'docs' / (page or name)).read_text(), re.M)
        assert anchor in {
            re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')
            for title in titles
        }, anchor
