"""The effects of importing mmcckd in a new process."""
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from mmengine.utils import digit_version

# MMRazor alone refuses newer versions of mmcv.
MMRAZOR_ALONE = 'import mmcv; mmcv.__version__ = "2.1.0"\n'
AT_LEAST_2 = digit_version(torch.__version__) >= digit_version('2.0.0')


def python(code):
    return subprocess.run([sys.executable, '-W', 'ignore', '-c', code],
                          capture_output=True,
                          text=True)


@pytest.mark.skipif(not AT_LEAST_2, reason='only torch 2 needs the workaround')
def test_the_workaround_is_still_needed():
    """Once MMRazor imports by itself, the module can be deleted."""
    result = python(f'{MMRAZOR_ALONE}import mmrazor.models')
    assert result.returncode != 0
    assert 'is not installed properly' in result.stderr


def test_all_of_mmrazor_is_registered():
    result = python(
        'import mmcckd, mmrazor, torch\n'
        'from mmengine.utils import digit_version\n'
        'from mmrazor.registry import MODELS, LOOPS, TASK_UTILS\n'
        'assert mmrazor.digit_version is digit_version\n'
        'import mmrazor.models.quantizers.native_quantizer as quantizer\n'
        'assert quantizer.digit_version is digit_version\n'
        'import mmrazor.engine, mmrazor.structures\n'
        'assert "SingleTeacherDistillValLoop" in LOOPS\n'
        'ours = [c for c in MODELS.module_dict.values()\n'
        '        if c.__module__.startswith("mmcckd")]\n'
        'print(len(MODELS.module_dict) - len(ours), len(ours))\n')
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-2:] == ['142', '10']


# Every name in every registry, with what it stands for and its bases.
REGISTRIES = """
import json
import mmengine.registry as root, mmpretrain.registry, mmrazor.utils
from mmengine.registry import Registry
mmpretrain.utils.register_all_modules(False)
mmrazor.utils.register_all_modules(False)

def describe(registered):
    registered = getattr(registered, 'func', registered)  # of a partial
    classes = getattr(registered, '__mro__', [registered])
    return [f'{c.__module__}.{c.__qualname__}' for c in classes]

def walk(registry):
    yield (f'{registry.scope}.{registry.name}',
           {k: describe(v) for k, v in sorted(registry.module_dict.items())})
    for child in registry.children.values():
        yield from walk(child)

found = {}
for package in (root, mmpretrain.registry):
    for name, registry in vars(package).items():
        if isinstance(registry, Registry):
            found.update(walk(registry))
print(json.dumps(found, sort_keys=True))
"""
ORDERS = [
    'import mmcckd',
    'import mmrazor, mmpretrain.models, mmcckd',
    'import mmpretrain, mmrazor.datasets, mmcckd, mmrazor.models',
    'try: import mmrazor.models\n'
    'except ImportError: pass\n'
    'import mmcckd, importlib; importlib.reload(mmcckd)',
]


def installed_files():
    """The files that must not change, without bytecode."""
    files = {}
    for name in ('mmcv', 'mmengine', 'mmpretrain', 'mmrazor'):
        for path in Path(find_spec(name).origin).parent.rglob('*'):
            if '__pycache__' not in path.parts:
                stat = path.lstat()
                files[path] = stat.st_mtime_ns, stat.st_size
    return files


def test_in_any_order_and_twice(tmp_path):
    (tmp_path / 'mmcls').mkdir()  # a folder is not yet the real mmcls
    before = installed_files()
    registries = []
    for order in ORDERS:
        result = python(f'import os; os.chdir({str(tmp_path)!r})\n'
                        f'{"" if order == ORDERS[0] else MMRAZOR_ALONE}'
                        f'{order}\n{REGISTRIES}')
        assert result.returncode == 0, result.stderr
        registries.append(json.loads(result.stdout.splitlines()[-1]))
    for order, found in zip(ORDERS, registries):
        assert found == registries[0], order
    packing = registries[0]['mmrazor.transform']['PackCRDClsInputs']
    assert packing[1].endswith('.PackInputs')
    assert 'Digits' in registries[0]['mmengine.dataset']
    assert installed_files() == before
