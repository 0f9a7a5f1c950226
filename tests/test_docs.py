"""The documents are correct: snippets run, and tables and links hold."""
import importlib.util
import math
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import save_checkpoint
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS

from mmcckd.engine import load_config
from mmcckd.recipes.mixing_arguments import mix

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob('*.md'), *(ROOT / 'docs').glob('*.md')])


MIXING = ROOT / 'docs/mixing.md'


def snippet(name, page=ROOT / 'README.md'):
    pattern = rf'<!-- snippet: {name} -->\n```python\n(.*?)```'
    return re.search(pattern, page.read_text(), re.DOTALL).group(1)


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


def test_training_loop_of_the_readme():
    scope = {}
    exec(snippet('training loop'), scope)
    assert scope['features'].shape == (32, 128)
    assert scope['loss'].isfinite()
    assert scope['student'].weight.grad.abs().max() > 0


def test_kernels_of_the_readme():
    scope = {}
    exec(snippet('kernels'), scope)
    assert scope['correlations'].shape == (8, 8)
    assert (scope['correlations'] - scope['exact']).abs().max() < 0.0475


def commands_of_mixing():
    blocks = re.findall(r'```bash\n(.*?)```', MIXING.read_text(), re.DOTALL)
    lines = ''.join(blocks).replace('\\\n', ' ').splitlines()
    return [line for line in map(shlex.split, lines)
            if line[1] == 'tools/train.py']


@pytest.mark.parametrize('command', commands_of_mixing())
def test_commands_of_mixing(command, monkeypatch):
    """Up to the training, which tools/check_mmrazor_recipes.py tests."""
    for package in ('mmdet', 'mmseg'):
        if f'/{package}/' in command[2]:
            pytest.importorskip(package)
    spec = importlib.util.spec_from_file_location('train', ROOT / command[1])
    train = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(train)
    monkeypatch.setattr(sys, 'argv', command[1:])
    args = train.parse_args()
    cfg = mix(load_config(args), args)
    assert ('loss_cc' in cfg.model.distiller.distill_losses) == (
        '--mix-cc' in command)
    cfg.model.teacher_ckpt = None
    cfg.model.teacher.pretrained = False
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        algorithm = MODELS.build(cfg.model)
    assert (type(algorithm).__name__ == 'FrozenTeacherDistill') == (
        '--frozen-teacher' in command)


def test_there_are_commands_of_mixing():
    assert len(commands_of_mixing()) == 6


def test_python_of_mixing(tmp_path):
    code = snippet('python', MIXING)
    for name, path in (('configs/', f'{ROOT}/configs/'),
                       ('my_recipe', f'{tmp_path}/my_recipe')):
        assert f"'{name}" in code
        code = code.replace(f"'{name}", f"'{path}")
    scope = {}
    exec(code, scope)
    written = Config.fromfile(tmp_path / 'my_recipe.py')
    assert written.to_dict() == scope['cfg'].to_dict()
    loss = written.model.distiller.distill_losses.loss_cc
    assert loss.loss_weight == 20.0
    assert MODELS.build({**written.model, 'teacher_ckpt': None})


def test_config_of_mixing(tmp_path):
    """The same as configs/mix/ has, which is trained."""
    path = tmp_path / 'recipe.py'
    path.write_text(snippet('config', MIXING))
    cfg = Config.fromfile(path)
    same = Config.fromfile(ROOT / 'configs/mix/cc_rkd_r34_r18_in1k.py')
    for kernel in same.model.distiller.connectors.values():
        assert (kernel.pop('gamma'), kernel.pop('order')) == (0.4, 2)
    for name in ('model', 'train_dataloader', 'custom_imports'):
        assert cfg[name] == same[name]


def test_the_chinese_readme_says_the_same():
    """Commands, configs but for their comments, and components."""

    def blocks(page):
        text = (ROOT / page).read_text()
        found = re.findall(r'```\w+\n(.*?)```', text, re.DOTALL)
        found = [re.sub(r' +# .*|^# .*', '', b, flags=re.M) for b in found]
        return found + re.findall(r'^\| (.*?) \| \w+ `\w+`', text, re.M)

    ours = [b.replace('、', ', ') for b in blocks('README_zh-CN.md')]
    assert ours == blocks('README.md')


README_PAGES = ('README.md', 'README_zh-CN.md')


def code_links(page):
    """Links to lines of code, ``[`name`](path#Lnn)``: names and targets."""
    text = (ROOT / page).read_text()
    return re.findall(r'\[`(\w+)`\]\(([\w/.]+#L\d+)\)', text)


def definitions(name):
    """``path#Lnn`` of each function and class of this name in mmcckd/."""
    return [
        f'{path.relative_to(ROOT).as_posix()}#L{number}'
        for path in sorted((ROOT / 'mmcckd').rglob('*.py')) for number, line
        in enumerate(path.read_text(encoding='utf-8').splitlines(), 1)
        if re.match(rf'(?:def|class) {name}\b', line)
    ]


@pytest.mark.parametrize('page', README_PAGES)
def test_links_to_code_point_at_the_definition(page):
    wrong = [
        f'`{name}`: {target} should be {" or ".join(definitions(name))}'
        for name, target in code_links(page)
        if target not in definitions(name)
    ]
    assert not wrong, f'Links of {page} to update:\n' + '\n'.join(wrong)


def test_every_formula_of_the_readme_has_its_link_to_the_code():
    pages = [(ROOT / page).read_text() for page in README_PAGES]
    row = r'^\| [^|]+ \| (.+) \| (\[`\w+`\]\(.*#L\d+\)) \|$'
    formulas = [re.findall(row, page, re.MULTILINE) for page in pages]
    assert formulas[0] == formulas[1] and len(formulas[0]) == 6
    for name, page in zip(README_PAGES, pages):
        assert len(code_links(name)) == page.count('.py#L')


def test_beta_of_the_imagenet_recipes():
    rbf, mmd, bilinear = (
        Config.fromfile(ROOT / f'configs/cckd/r50_mbv2_in1k{kernel}.py').beta
        for kernel in ('', '_mmd', '_bilinear'))
    row = f'| β | {rbf:g}; MMD {mmd:g}, bilinear {bilinear:g} |'
    assert row.replace('e-0', 'e-') in (ROOT / 'docs/recipes.md').read_text()


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
    name = r'(?<!/)\b((?:tools|configs)/[\w/]+\.(?:py|sh))\b'
    for page in PAGES:
        for path in re.findall(name, page.read_text()):
            assert (ROOT / path).exists(), f'{page.name}: {path}'
