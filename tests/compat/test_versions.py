import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mmcckd.compat.versions import SUPPORTED, check_versions

INSTALLED = dict(
    torch='2.14.1+cu130',
    torchvision='0.29.1',
    mmengine='0.10.7',
    mmpretrain='1.2.0',
    mmrazor='1.0.0',
    **{
        'mmcv-lite': '2.1.0',
        'scikit-learn': '1.9.1'
    })
ROOT = Path(__file__).parent.parent.parent
ONEDL = dict(
    mmengine=None,
    onedl_mmengine='0.10.12',
    mmcv_lite=None,
    onedl_mmcv='2.3.6',
    mmpretrain=None,
    onedl_mmpretrain='1.3.6')


def check(python='3.11.7', **changes):
    changes = {k.replace('_', '-'): v for k, v in changes.items()}
    found = {**INSTALLED, **changes}

    def version_of(name):
        if found.get(name) is None:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    check_versions(version_of, python)


def test_this_environment():
    check_versions()


@pytest.mark.parametrize('changes', [
    {},
    dict(torch='2.1.0'),
    dict(torch='2.15.0a0+git1234'),
    dict(mmcv='2.1.0', mmcv_lite=None),
    dict(mmcv='2.2.0', mmcv_lite=None),
    dict(mmcv='2.1.0'),  # the files of mmcv-lite 2.1.0, and more
    ONEDL,
    dict(mmengine=None, onedl_mmengine='0.10.12'),
    dict(python='3.10.0'),
    dict(python='3.12.9'),
])
def test_within_the_range(changes):
    check(**changes)


@pytest.mark.parametrize('changes, message', [
    (dict(torch='2.0.1'), 'needs torch >=2.1,<3, but found torch 2.0.1'),
    (dict(torch='3.0.0'), 'but found torch 3.0.0'),
    (dict(mmengine='0.10.6'), '>=0.10.7,<0.11, but found mmengine 0.10.6'),
    (dict(mmcv='2.3.0', mmcv_lite=None),
     'needs mmcv >=2.1.0,<2.3, but found mmcv 2.3.0'),
    (dict(mmcv_lite='2.0.1'), 'but found mmcv-lite 2.0.1'),
    (dict(mmpretrain='1.0.0'), '>=1.2.0,<1.3, but found mmpretrain 1.0.0'),
    (dict(mmrazor='0.3.1'), '>=1.0.0,<1.1, but found mmrazor 0.3.1'),
    (dict(scikit_learn=None), 'needs scikit-learn >=1.2, but it is not inst'),
    (dict(python='3.9.18'), '>=3.10,<3.13, but found Python 3.9.18'),
    (dict(mmcv_lite=None), 'needs mmcv >=2.1.0,<2.3, but it is not installed; '
     'run: pip install "mmcv-lite>=2.1.0,<2.3"'),
    (dict(ONEDL, onedl_mmcv='2.3.2'),
     'needs onedl-mmcv >=2.3.6,<2.4, but found onedl-mmcv 2.3.2'),
    (dict(onedl_mmengine='0.10.12'),
     'mmengine 0.10.7 and onedl-mmengine 0.10.12 are both installed, and '
     'both write the files of the package mmengine, so that they are mixed '
     'up. Run: pip uninstall -y mmengine onedl-mmengine, and then install '
     'one of them.'),
    (dict(mmcv='2.2.0'), 'mmcv-lite 2.1.0 and mmcv 2.2.0 are both installed'),
])
def test_out_of_range(changes, message):
    with pytest.raises(ImportError) as error:
        check(**changes)
    assert message in str(error.value)


def requirements(path):
    """The requirements in a file, by the names of the distributions."""
    lines = (ROOT / 'requirements' / path).read_text().splitlines()
    parsed = [
        Requirement(line.partition('#')[0]) for line in lines
        if line.partition('#')[0].strip()
    ]
    return {canonicalize_name(each.name): each.specifier for each in parsed}


def ranges():
    return {
        distribution: supported
        for distributions in SUPPORTED.values()
        for distribution, supported in distributions.items()
    }


@pytest.mark.parametrize('name', ['runtime', 'openmmlab', 'onedl'])
def test_setup_requires_the_supported_versions(name):
    found = requirements(f'{name}.txt')
    checked = [each for each in found if each in ranges()]
    assert checked
    for each in checked:
        assert found[each] == SpecifierSet(ranges()[each]), each


def test_the_documented_versions():
    page = (ROOT / 'docs/installation.md').read_text()
    rows = re.findall(r'^\|.*\| `([\w-]+)` \| `(.+)` \|$', page, re.M)
    assert dict(rows) == ranges()


MATRIX = sorted(
    path.name for path in (ROOT / 'requirements/matrix').iterdir())


@pytest.mark.parametrize('name', MATRIX)
def test_the_sets_of_versions_are_supported(name):
    replacements = requirements(f'matrix/{name}')
    for distribution, version in replacements.items():
        if distribution in ranges():
            version = str(version).removeprefix('==')
            assert version in SpecifierSet(ranges()[distribution])


@pytest.mark.parametrize('package', ['torch', 'mmengine', 'mmrazor'])
def test_a_missing_package_is_named_when_mmcckd_is_imported(package):
    code = f'''
import importlib.metadata as metadata, sys
original = metadata.version
def version(name):
    if name in {list(SUPPORTED[package])!r}:
        raise metadata.PackageNotFoundError(name)
    return original(name)
metadata.version = version
sys.modules[{package!r}] = None
import mmcckd.register
'''
    result = subprocess.run([sys.executable, '-c', code],
                            capture_output=True,
                            text=True)
    assert f'mmcckd needs {package} ' in result.stderr
    assert 'but it is not installed; run: pip install' in result.stderr
