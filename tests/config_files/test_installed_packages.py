"""Recipes of packages that are not installed."""
import pytest

from mmcckd.config_files import installed_packages
from mmcckd.config_files.installed_packages import check_installed
from mmcckd.engine.config_arguments import read_config


@pytest.mark.parametrize('recipe, package', [
    ('mmdet/cwd/cwd_fpn_retina_r101_retina_r50_1x_coco.py', 'mmdet'),
    ('mmdet3d/pkd/pkd_fpn_fcos3d_r101_fcos3d_r50_8xb2-1x_nus-mono3d.py',
     'mmdet3d'),
    ('mmseg/cwd/cwd_logits_pspnet_r101-d8_pspnet_r18-d8_4xb2-80k_'
     'cityscapes-512x1024.py', 'mmsegmentation'),
])
def test_a_recipe_that_inherits_from_it(recipe, package):
    with pytest.raises(
            ModuleNotFoundError,
            match=f'distill/{recipe} cannot be read, since it inherits from '
            f'another package: {package} is not installed.*full mmcv'):
        read_config(f'mmrazor::distill/{recipe}')


@pytest.mark.parametrize('path, package', [
    ('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py', 'mmdet'),
    ('mmseg::pspnet/pspnet_r18-d8_4xb2-80k.py', 'mmsegmentation'),
])
def test_a_config_of_it(path, package):
    """And pip is not called."""
    with pytest.raises(ModuleNotFoundError,
                       match=f'{path} is a config of {package}, which is not '
                       f'installed; install it with: pip install {package}. '
                       f'{package} also needs the full mmcv'):
        read_config(path)


def test_it_is_installed_without_operators(monkeypatch):
    monkeypatch.setattr(installed_packages, 'is_installed', lambda name: True)
    monkeypatch.setattr(installed_packages, 'find_spec', lambda name: None)
    with pytest.raises(ModuleNotFoundError,
                       match='a config of mmdet, which needs the compiled '
                       'operators of the full mmcv, but mmcv-lite is inst'):
        check_installed('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py')


def test_what_a_config_imports(tmp_path):
    """This is not changed, and has Python's own message."""
    path = tmp_path / 'config.py'
    path.write_text('_base_ = []\nimport no_such_module\n')
    with pytest.raises(ModuleNotFoundError,
                       match="^No module named 'no_such_module'"):
        read_config(str(path))


def test_what_is_installed():
    check_installed('mmpretrain::resnet/resnet18_8xb32_in1k.py')
    check_installed('mmcls::resnet/resnet18_8xb32_in1k.py')
    check_installed('configs/a_file.py')
