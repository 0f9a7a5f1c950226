"""A wheel, built and installed, has what MIM and MMEngine look for."""
import os
import re
import subprocess
import sys
import venv
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECIPE = 'cckd/r18w16_r10w6_digits.py'
NEW_STYLE = 'configs/cckd/r50_mbv2_in1k.py'
PIP = [sys.executable, '-m', 'pip', '--disable-pip-version-check']

# Run where nothing of the clone is at hand.
LOOK = f"""
from pathlib import Path
import mmcckd
from mmengine.config import Config
from mmengine.hub import get_config
cfg = get_config('mmcckd::{RECIPE}')
Path('own.py').write_text("_base_ = 'mmcckd::{RECIPE}'")
assert Config.fromfile('own.py').to_dict() == cfg.to_dict()
new_style = get_config('mmcckd::{NEW_STYLE}')
Path('own.py').write_text('''from mmengine.config import read_base
with read_base():
    from mmcckd.configs.cckd.r50_mbv2_in1k import *''')
assert Config.fromfile('own.py').to_dict() == new_style.to_dict()
print(mmcckd.__file__, cfg.filename, sep='\\n')
"""


def run(*command, cwd):
    # A PYTHONPATH may name the clone.
    env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    result = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def files(folder):
    """The files in a folder, without those that any build creates."""
    return {
        path: os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob('*')
        if (path.is_symlink() or path.is_file()) and not any(
            part == 'build' or part.endswith('.egg-info')
            for part in path.relative_to(folder).parts)
    }


@pytest.fixture
def clone(tmp_path):
    """A copy of what git knows or would take."""
    names = subprocess.run(
        ['git', 'ls-files', '-z', '-co', '--exclude-standard'],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True).stdout.split('\0')
    for name in filter(None, names):
        if (ROOT / name).is_file():
            copy = tmp_path / 'clone' / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / name).read_bytes())
    return tmp_path / 'clone'


@pytest.fixture
def environment(tmp_path):
    """Make an environment with mmcckd and the packages of this one."""

    def make(*what):
        folder = tmp_path / 'environment'
        venv.create(folder, with_pip=False, symlinks=os.name != 'nt')
        scripts = 'Scripts' if os.name == 'nt' else 'bin'
        python = folder / scripts / 'python'
        packages = Path(
            run(python, '-c',
                'import sysconfig; print(sysconfig.get_path("purelib"))',
                cwd=tmp_path).strip())
        # By their path alone: .pth files in there, such as the one of an
        # editable mmcckd, are not read.
        (packages / 'others.pth').write_text('\n'.join(
            path for path in sys.path
            if path.endswith(('site-packages', 'dist-packages'))))
        run(*PIP, '--python', python, 'install', '--no-deps', '--no-index',
            '--ignore-installed', '--no-build-isolation', *what, cwd=tmp_path)
        return python, packages / 'mmcckd'

    return make


@pytest.fixture
def empty(tmp_path):
    (tmp_path / 'empty').mkdir()
    return tmp_path / 'empty'


def test_wheel(clone, environment, empty, tmp_path):
    before = files(clone)
    made = tmp_path / 'made'
    # By way of a source distribution, which must have all that it takes.
    run(sys.executable, 'setup.py', '-q', 'sdist', '-d', made, cwd=clone)
    source, = made.iterdir()
    run(*PIP, 'wheel', '--no-deps', '--no-index', '--no-build-isolation', '-w',
        made, source, cwd=tmp_path)
    assert files(clone) == before  # in particular no mmcckd/.mim
    wheel, = made.glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        assert 'mmcckd/py.typed' in archive.namelist()
        assert f'mmcckd/{NEW_STYLE}' in archive.namelist()
        packed = {
            name[len('mmcckd/.mim/'):]
            for name in archive.namelist() if name.startswith('mmcckd/.mim/')
        }
    assert packed == {'model-index.yml'} | {
        path.relative_to(clone).as_posix()
        for name in ('configs', 'tools') for path in (clone / name).rglob('*')
        if path.is_file()
    }

    python, package = environment(wheel)
    module, config = run(python, '-c', LOOK, cwd=empty).splitlines()
    assert Path(module) == package / '__init__.py'
    assert Path(config) == package / '.mim/configs' / RECIPE
    installed = files(package / '.mim')
    run(python, package / '.mim/tools/train.py', f'mmcckd::{RECIPE}',
        '--cfg-options', 'model.teacher_ckpt=None', 'train_cfg.max_epochs=1',
        'param_scheduler.T_max=1', cwd=empty)
    assert (empty / f'work_dirs/{Path(RECIPE).stem}/epoch_1.pth').is_file()
    assert files(package / '.mim') == installed
    assert files(clone) == before


def test_metadata(clone, tmp_path):
    """The README on PyPI, where a relative link leads nowhere."""
    run(sys.executable, 'setup.py', '-q', 'egg_info', '--egg-base', tmp_path,
        cwd=clone)
    metadata = message_from_string(
        (tmp_path / 'mmcckd.egg-info/PKG-INFO').read_text(encoding='utf-8'))
    home = metadata['Home-page']
    assert metadata['Author'] == 'mmcckd contributors'
    assert all(home in url for url in metadata.get_all('Project-URL'))

    readme = metadata.get_payload()
    assert '(https://arxiv.org/abs/1904.01802)' in readme
    links = re.findall(r'(!?\[[^]]*\])\(([^)]+)\)', readme)
    links += re.findall(r'\b(src|href)="([^"]+)"', readme)
    assert len(links) > 20
    for text, link in links:
        assert link.startswith(('https://', '#')), link
        if link.startswith(home):
            kind, path = link[len(home):].split('/main/')
            assert kind == ('/raw' if text[0] in '!s' else '/blob'), link
            assert (clone / path.partition('#')[0]).exists(), link


def test_editable(clone, environment, empty):
    """As tools/setup_env.sh installs it."""
    python, _ = environment('-e', clone)
    module, config = run(python, '-c', LOOK, cwd=empty).splitlines()
    assert Path(module) == clone / 'mmcckd/__init__.py'
    assert Path(config) == clone / 'mmcckd/.mim/configs' / RECIPE
    assert {
        path.name: os.readlink(path)
        for path in (clone / 'mmcckd/.mim').iterdir()
    } == {
        name: os.path.join('..', '..', name)
        for name in ('configs', 'tools', 'model-index.yml')
    }
    # And again, as after a change of setup.py.
    environment('-e', clone)
