"""What the documents say is so: snippets run, tables and links hold."""
import math
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')])


def snippet(name):
    pattern = rf'<!-- snippet: {name} -->\n```python\n(.*?)```'
    found = re.search(pattern, (ROOT / 'README.md').read_text(), re.DOTALL)
    return found.group(1)


def test_config_of_the_readme(tmp_path):
    path = tmp_path / 'recipe.py'
    path.write_text(snippet('config'))
    cfg = Config.fromfile(path)
    teacher = MODELS.build(cfg.model.teacher)
    cfg.model.teacher_ckpt = str(tmp_path / 'teacher.pth')
    save_checkpoint(
        dict(state_dict=teacher.state_dict()), cfg.model.teacher_ckpt)

    algorithm = MODELS.build(cfg.model).train()
    images = torch.randn(4, 3, 64, 64)
    samples = [DataSample().set_gt_label(i % 2) for i in range(4)]
    losses = algorithm(images, samples, mode='loss')
    assert set(losses) == {
        'student.loss', 'distill.loss_kd', 'distill.loss_cc'
    }
    losses['distill.loss_cc'].backward()
    gradient = algorithm.student.backbone.conv1.weight.grad
    assert gradient.isfinite().all() and gradient.abs().max() > 0
    assert cfg.train_dataloader.batch_sampler.type == 'CURSampler'


def test_kernels_of_the_readme():
    scope = {}
    exec(snippet('kernels'), scope)
    assert scope['correlations'].shape == (8, 8)
    assert (scope['correlations'] - scope['exact']).abs().max() < 0.0475


def test_error_bounds_in_method():
    text = (ROOT / 'docs/method.md').read_text()
    header = re.search(r'^\| γ \|(.*)\|$', text, re.MULTILINE).group(1)
    orders = [int(p) for p in re.findall(r'P = (\d)', header)]
    rows = re.findall(r'^\| (\d\.\d) \| (.*) \|$', text, re.MULTILINE)
    assert len(orders) == 4 and len(rows) == 5
    for gamma, cells in rows:
        gamma = float(gamma)
        for order, cell in zip(orders, cells.split(' | ')):
            series = sum((2 * gamma)**p / math.factorial(p)
                         for p in range(order + 1, 40))
            assert cell == f'{math.exp(-2 * gamma) * series:.1e}'


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r'\]\(([^)#]+)[^)]*\)', page.read_text()):
        if not link.startswith('http'):
            assert (page.parent / link).exists(), link


def test_commands_name_files_that_exist():
    for page in PAGES:
        for path in re.findall(r'\b((?:tools|configs)/[\w/]+\.(?:py|sh))\b',
                               page.read_text()):
            assert (ROOT / path).exists(), f'{page.name}: {path}'
