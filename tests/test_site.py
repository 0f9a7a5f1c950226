"""What tools/build_docs.sh cannot see: that nothing public is left out."""
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import mmengine.registry
import mmpretrain.registry
import mmrazor.registry
import pytest

import mmcckd

DOCS = Path(__file__).parent.parent / 'docs'
LISTED = re.findall(r'^   (mmcckd\S+)$', (DOCS / 'api/index.rst').read_text(),
                    re.MULTILINE)
# Workarounds and helpers, with nothing to call in a recipe or a script.
INTERNAL = ('mmcckd.compat', 'mmcckd.config_files')


def public(name):
    module = importlib.import_module(name)
    return {
        key: getattr(module, key)
        for key in getattr(module, '__all__', ())
        if not inspect.ismodule(getattr(module, key))
    }


def test_public_objects_are_in_the_api_reference():
    listed = {id(value) for name in LISTED for value in public(name).values()}
    packages = [
        module.name
        for module in pkgutil.walk_packages(mmcckd.__path__, 'mmcckd.')
        if module.ispkg and not module.name.startswith(INTERNAL)
    ]
    missing = [
        f'{name}.{key}' for name in packages
        for key, value in public(name).items() if id(value) not in listed
    ]
    assert packages and not missing, 'not in docs/api/index.rst'


def registered():
    for name in LISTED:
        importlib.import_module(name)
    found = {}
    for host, registries in (('MMEngine', mmengine.registry),
                             ('MMRazor', mmrazor.registry),
                             ('MMPretrain', mmpretrain.registry)):
        for registry_name, registry in vars(registries).items():
            if registry_name.startswith('MMENGINE_'):
                continue  # MMEngine's, under the name that MMPretrain uses
            if not isinstance(registry, mmengine.registry.Registry):
                continue
            for name, value in registry.module_dict.items():
                if getattr(value, '__module__', '').startswith('mmcckd.'):
                    found[name] = f'{host} `{registry_name}`'
    return found


def test_components_are_those_registered():
    rows = re.findall(r'^\| \{py:class\}`\.(\w+)`[^|]* \| ([^|]+) \|',
                      (DOCS / 'api/components.md').read_text(), re.MULTILINE)
    assert dict(rows) == registered()
    assert len(rows) == len(dict(rows))


@pytest.mark.parametrize('name', LISTED)
def test_packages_say_what_they_hold(name):
    """In a line, which docs/api/index.rst shows."""
    assert importlib.import_module(name).__doc__
