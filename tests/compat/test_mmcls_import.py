"""``import mmcls`` imports MMPretrain, in MMRazor and elsewhere."""
import ast
import importlib
import os
import pickle
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import mmpretrain
import mmrazor
import pytest
import torch
from mmengine.registry import TRANSFORMS
from mmengine.utils import get_installed_path, is_installed

import mmcckd  # noqa: F401
from mmcckd.compat.mmcls_import import (
    import_mmcls_as_mmpretrain,
    mmcls_is_installed,
)

ROOT = Path(__file__).parent.parent.parent


def python(code, **options):
    return subprocess.run([sys.executable, '-W', 'ignore', '-c', code],
                          capture_output=True,
                          text=True,
                          **options)


def test_the_workaround_is_still_needed():
    """Once MMRazor imports mmpretrain, the modules mmcls_* can be deleted."""
    result = python('import mmcv; mmcv.__version__ = "2.1.0"\n'
                    'from mmrazor.datasets import PackCRDClsInputs\n'
                    'print(PackCRDClsInputs.__base__.__qualname__)')
    assert 'get_placeholder' in result.stdout, result.stderr


def imports_of_mmcls():
    """(file, module, name) of what MMRazor imports from mmcls."""
    root = Path(mmrazor.__file__).parent
    for path in sorted(root.rglob('*.py')):
        if '.mim' in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.ImportFrom) and (
                    node.module or '').partition('.')[0] == 'mmcls':
                for name in node.names:
                    yield path.relative_to(root), node.module, name.name


def test_mmrazor_has_the_very_objects():
    importlib.import_module('mmrazor.datasets')
    found = list(imports_of_mmcls())
    assert len(found) == 23
    for path, module, name in found:
        expected = getattr(importlib.import_module(module), name)
        assert expected.__module__.startswith('mmpretrain.'), name
        user = importlib.import_module('.'.join(
            ('mmrazor', *path.with_suffix('').parts)))
        # One is imported in a method, not in the module.
        assert getattr(user, name, expected) is expected, (path, name)


def test_modules_are_the_same_objects():
    import mmcls.models.backbones.base_backbone
    from mmcls.registry import MODELS
    from mmcls.structures import ClsDataSample
    from mmcls.structures.cls_data_sample import ClsDataSample as again
    from mmpretrain.structures import DataSample

    assert mmcls is mmpretrain
    assert mmcls.models.backbones.base_backbone is sys.modules[
        'mmpretrain.models.backbones.base_backbone']
    assert MODELS is mmpretrain.registry.MODELS
    assert ClsDataSample is again is DataSample
    for module in (mmpretrain, mmpretrain.models.backbones.base_backbone):
        assert module.__spec__.name == module.__name__  # and not mmcls…


@pytest.mark.parametrize('module, name, new', [
    ('datasets', 'PackClsInputs', 'PackInputs'),
    ('datasets.transforms', 'ToPIL', 'NumpyToPIL'),
    ('datasets.transforms.formatting', 'ToNumpy', 'PILToNumpy'),
    ('models.heads.cls_head', 'ClsDataSample', 'DataSample'),
    ('visualization', 'ClsVisualizer', 'UniversalVisualizer'),
    ('visualization.cls_visualizer', 'ClsVisualizer', 'UniversalVisualizer'),
])
def test_renamed_classes(module, name, new):
    module = importlib.import_module(f'mmcls.{module}')
    assert getattr(module, name) is getattr(module, new)


def test_what_mmpretrain_lacks_is_an_import_error():
    with pytest.raises(ModuleNotFoundError, match="'mmcls.nothing'"):
        importlib.import_module('mmcls.nothing')
    with pytest.raises(ImportError, match='LinearReduction'):
        from mmcls.models.necks import LinearReduction  # noqa: F401


def test_others_can_find_it():
    path = Path(mmpretrain.__file__).parent
    assert find_spec('mmcls.models.losses').origin == str(
        path / 'models' / 'losses' / '__init__.py')
    assert is_installed('mmcls')
    assert get_installed_path('mmcls') == str(path)
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version('mmcls')
    assert not mmcls_is_installed()


def test_old_pickles_are_read():
    name = 'mmcls.structures.cls_data_sample'
    old = b'c' + name.encode() + b'\nClsDataSample\n.'
    assert pickle.loads(old) is mmpretrain.structures.DataSample
    new = pickle.dumps(mmpretrain.structures.DataSample)
    assert b'mmcls' not in new and b'mmpretrain' in new


def test_twice_is_once():
    before = list(sys.meta_path)
    import_mmcls_as_mmpretrain()
    assert sys.meta_path == before


def test_mmrazor_packs_what_crd_needs():
    importlib.import_module('mmrazor.datasets')
    image = torch.zeros(4, 5, 3, dtype=torch.uint8).numpy()
    packed = TRANSFORMS.build(dict(type='mmrazor.PackCRDClsInputs'))(
        dict(img=image, gt_label=3, sample_idx=7))
    assert packed['inputs'].shape == (3, 4, 5)
    sample = packed['data_samples']
    assert type(sample) is mmpretrain.structures.DataSample
    assert (sample.gt_label.item(), sample.sample_idx.item()) == (3, 7)


def test_the_real_mmcls_is_kept(tmp_path):
    package = tmp_path / 'mmcls'
    package.mkdir()
    (package / '__init__.py').write_text("__version__ = '1.0.0rc6'\n")
    info = tmp_path / 'mmcls-1.0.0rc6.dist-info'
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\nName: mmcls\n'
                                   'Version: 1.0.0rc6\n')
    code = ('import mmengine.config.config as config\n'
            'import mmengine.hub.hub as hub\n'
            'from mmengine.registry import DefaultScope, MODELS, Registry\n'
            'from mmpretrain.datasets import CIFAR10\n'
            'def state():\n'
            '    renamed = [module._get_package_and_cfg_path.__module__\n'
            '               for module in (config, hub)]\n'
            '    return ("mmcckd.compat.mmcls_configs" in renamed,\n'
            '            DefaultScope.__init__, Registry.split_scope_key,\n'
            '            CIFAR10.__init__, "ClsDataPreprocessor" in\n'
            '            MODELS.module_dict)\n'
            'before = state()\n'
            'import mmcckd, mmcls, sys\n'
            'from mmrazor.models import DeiTClsHead\n'
            'assert state() == before\n'
            'assert not hasattr(DeiTClsHead.pre_logits, "__wrapped__")\n'
            'assert "OldNameFinder" not in repr(sys.meta_path)\n'
            'print(mmcls.__file__, mmcls.__version__, sep="\\n")')
    result = python(
        code,
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=f'{ROOT}{os.pathsep}{tmp_path}'))
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-2:] == [
        str(package / '__init__.py'), '1.0.0rc6'
    ]
