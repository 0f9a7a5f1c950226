"""When the components are registered; each test in a process of its own."""
import pickle
import subprocess
import sys

from mmcckd.models import GaussianRBFKernelConnector

REGISTERED = '''
import sys
import mmcckd.models
from mmengine.registry import DATA_SAMPLERS, DATASETS, HOOKS, METRICS
from mmrazor.registry import MODELS

for registry, name in ((DATASETS, 'Digits'), (DATA_SAMPLERS, 'SURSampler'),
                       (HOOKS, 'EpochSeedHook'), (METRICS, 'ReIDMetric'),
                       (MODELS, 'FrozenTeacherDistill')):
    assert registry.get(name).__module__.startswith('mmcckd.'), name
kernel = MODELS.build(dict(type='GaussianRBFKernelConnector'))
assert type(kernel) is mmcckd.models.GaussianRBFKernelConnector
MODELS.build(dict(type='mmcls.LinearClsHead', num_classes=2, in_channels=2))
'''


def run(code, *arguments):
    result = subprocess.run([sys.executable, '-c', code, *arguments],
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr
    return result.stderr


def test_functional_needs_torch_alone_and_mmrazor_then_registers():
    run('''
import importlib.machinery, importlib.util, sys, torch
import mmcckd
from mmcckd.functional import CCLoss
loaded = {name.partition('.')[0] for name in sys.modules}
assert not loaded & {'matplotlib', 'mmcv', 'mmengine', 'mmpretrain', 'mmrazor',
                     'scipy', 'sklearn'}, loaded
assert CCLoss()(torch.rand(4, 3), torch.rand(4, 5)) > 0
assert mmcckd.__version__ and 'mmcckd.register' not in sys.modules
loader = importlib.util.find_spec('mmengine').loader
assert loader.get_filename('mmengine').endswith('__init__.py')

import mmrazor
assert 'mmcckd.register' in sys.modules and mmcckd.models
assert isinstance(mmrazor.__loader__, importlib.machinery.SourceFileLoader)
''' + REGISTERED)


def test_config_that_imports_mmcckd(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text("custom_imports = dict(imports=['mmcckd'])")
    run(
        '''
import sys
from mmengine.config import Config
assert not any(name.startswith('mmcckd') for name in sys.modules)
Config.fromfile(sys.argv[1])
assert 'mmcckd.register' in sys.modules
''' + REGISTERED, str(config))


def test_a_component_is_unpickled_first():
    """As in a worker process; the other components are also registered."""
    run(f'''
import pickle
kernel = pickle.loads({pickle.dumps(GaussianRBFKernelConnector(gamma=0.7))!r})
assert kernel.gamma == 0.7
''' + REGISTERED)


def test_a_workaround_is_imported_first():
    """As in Sphinx, which imports one module after the other."""
    errors = run('import mmcckd.compat.applied' + REGISTERED)
    assert 'could not be registered' not in errors


def test_mmcls_is_imported_first():
    run('''
import mmcckd
import mmcls.models
import mmpretrain.models
assert mmcls is mmpretrain and mmcls.models is mmpretrain.models
''' + REGISTERED)


def test_threads():
    run('''
import threading

def load(name):
    start.wait()
    try:
        __import__(name)
    except BaseException as error:
        errors.append(error)

names = ['mmcckd.engine', 'mmcckd.models', 'mmengine', 'mmrazor']
start, errors = threading.Barrier(len(names)), []
import mmcckd
threads = [threading.Thread(target=load, args=(name, )) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not errors, errors
''' + REGISTERED)


def test_packages_that_mmcckd_was_not_made_for():
    """They can be imported, with a warning."""
    errors = run('''
import importlib.metadata
version = importlib.metadata.version
importlib.metadata.version = lambda name: (
    '0.0.1' if name == 'mmrazor' else version(name))
from mmcckd.functional import CCLoss
import mmengine
''')
    assert ("UserWarning: mmcckd's components could not be registered: mmcckd "
            'needs mmrazor >=1.0.0,<1.1, but found mmrazor 0.0.1') in errors
