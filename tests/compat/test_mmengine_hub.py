"""``mmcckd::path`` is found, by ``_base_`` and by MMEngine's hub."""
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.config import config as config_module
from mmengine.hub import get_config, hub
from mmengine.utils import get_installed_path

import mmcckd
from mmcckd.compat.mmengine_hub import PACKAGE, find_mmcckd_configs

ROOT = Path(__file__).parent.parent.parent
NAME = 'cckd/r18w16_r10w6_digits.py'


def test_the_workaround_is_still_needed():
    """If this fails, compat/mmengine_hub.py can be made smaller."""
    code = ('from mmengine.hub import get_config\n'
            f'get_config("mmcckd::{NAME}")')
    result = subprocess.run([sys.executable, '-c', code],
                            capture_output=True,
                            text=True)
    assert 'does not support to load mmcckd config' in result.stderr


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package as a wheel installs it: with configs in its .mim."""
    package = tmp_path / 'mmcckd'
    (package / '.mim').mkdir(parents=True)
    for name in ('configs', 'model-index.yml'):
        (package / '.mim' / name).symlink_to(ROOT / name)
    for module in (config_module, hub):
        original = module.get_installed_path
        monkeypatch.setattr(
            module, 'get_installed_path', lambda name, original=original: str(
                package) if name == 'mmcckd' else original(name))


def test_by_the_hub(installed):
    cfg = get_config(f'mmcckd::{NAME}')
    assert cfg.to_dict() == Config.fromfile(ROOT / 'configs' / NAME).to_dict()


def test_a_new_style_config(installed, monkeypatch):
    """It is in the package itself, as for ``read_base``."""
    path = PACKAGE / 'configs/cckd/r50_mbv2_in1k.py'
    monkeypatch.setattr(hub, 'get_installed_path', lambda _: str(PACKAGE))
    monkeypatch.setattr(hub, '_get_cfg_metainfo', _not_in_metafile)
    cfg = get_config('mmcckd::configs/cckd/r50_mbv2_in1k.py')
    assert cfg.to_dict() == Config.fromfile(path).to_dict()
    with pytest.raises(FileNotFoundError):
        get_config('mmcckd::configs/cckd/none.py')


def _not_in_metafile(*_):
    raise ValueError('Expected configs')


def test_as_a_base(installed, tmp_path):
    path = tmp_path / 'own.py'
    path.write_text(f"_base_ = 'mmcckd::{NAME}'\n"
                    'projection = _base_.projection\n'
                    'model = dict(student_loss_weight=0.5)\n')
    cfg = Config.fromfile(path)
    expected = Config.fromfile(ROOT / 'configs' / NAME)
    expected.model.student_loss_weight = 0.5
    assert cfg.to_dict() == expected.to_dict()  # no _scope_ of its own


def test_other_packages_are_left_alone(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text(
        "_base_ = 'mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py'\n"
        'again = _base_.model\n')
    cfg = Config.fromfile(path)
    assert cfg.again['_scope_'] == 'mmpretrain'
    for module in (config_module, hub):
        assert module.get_installed_path('mmpretrain') == get_installed_path(
            'mmpretrain')
        assert module.get_installed_path('mmcckd') == str(
            Path(mmcckd.__file__).parent)


def test_twice_is_once():
    before = Config._get_cfg_path, hub.get_installed_path
    find_mmcckd_configs()
    assert (Config._get_cfg_path, hub.get_installed_path) == before
