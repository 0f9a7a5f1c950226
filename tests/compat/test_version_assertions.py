"""Packages that refuse a newer mmcv are imported without this assertion."""
import ast
import sys
from importlib.machinery import PathFinder

import pytest

from mmcckd.compat import version_assertions, versions
from mmcckd.compat.version_assertions import AssertingPackageFinder
from mmcckd.compat.versions import SUPPORTED

INIT = '''import math
limit = 2.1
mmcv_version = {version}
assert mmcv_version <= limit, f'{{mmcv_version}} is used'
assert math.pi < {largest}, 'another assertion'


def check():
    mmcv_version = 9
    assert mmcv_version < 3, 'in a function'
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make an installed package, and return what imports it anew."""
    name = 'asserting_package'
    folder = tmp_path / name
    folder.mkdir()
    info = tmp_path / f'{name}-1.0.0.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text(f'Name: {name}\nVersion: 1.0.0\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(version_assertions.TESTED, name, (name, '1.0.0'))

    def load(version=2.2, largest=4):
        (folder / '__init__.py').write_text(
            INIT.format(version=version, largest=largest))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return __import__(name)

    return load


def test_the_assertion_is_left_out(package):
    module = package()
    assert module.mmcv_version == 2.2
    assert module.__file__.endswith('__init__.py')


def test_others_are_kept(package):
    with pytest.raises(AssertionError, match='another assertion'):
        package(largest=3)
    with pytest.raises(AssertionError, match='in a function') as error:
        package().check()
    assert error.traceback[-1].lineno + 1 == 10


def test_kept_with_an_unsupported_mmcv(package, monkeypatch):
    supported = dict(SUPPORTED, mmcv={'mmcv-lite': '==1.0'})
    monkeypatch.setattr(versions, 'SUPPORTED', supported)
    with pytest.raises(AssertionError, match='2.2 is used'):
        package()


def test_kept_in_a_version_that_was_not_tested(package, monkeypatch):
    monkeypatch.setitem(version_assertions.TESTED, 'asserting_package',
                        ('asserting_package', '0.9.0'))
    with pytest.raises(AssertionError, match='2.2 is used'):
        package()


def test_there_is_one_finder():
    version_assertions.lift_version_assertions()
    assert sum(
        isinstance(finder, AssertingPackageFinder)
        for finder in sys.meta_path) == 1


def test_the_workaround_is_still_needed():
    """Once MMRazor accepts mmcv 2.3, the module can be deleted."""
    source = PathFinder.find_spec('mmrazor').loader.get_source('mmrazor')
    assert any(map(version_assertions._is_about_mmcv, ast.parse(source).body))
    assert "mmcv_maximum_version = '2.1.0'" in source
