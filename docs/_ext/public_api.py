"""Which objects the API reference documents, where, and links to them.

An object is documented once: under the package nearest to its module that has
it in ``__all__``. A docstring may refer to it by any name under which it can
be imported, or by the end of one with a leading dot; and to other objects of
mmcckd, which are shown without a link.
"""
import importlib
import inspect
import pkgutil
import sys
from typing import Any, List, Optional

from docutils import nodes
from sphinx.util.nodes import make_refnode

import mmcckd


def public(package: str) -> List[str]:
    """The names of the objects that the page of a package documents."""
    module = importlib.import_module(package)
    return [
        name for name in module.__all__
        if not inspect.ismodule(getattr(module, name))
        and home(getattr(module, name), name, package) == package
    ]


def home(value: Any, name: str, default: str) -> str:
    """The package that documents an object of this name."""
    package = getattr(value, '__module__', None) or ''
    while package:
        if name in getattr(sys.modules.get(package), '__all__', ()):
            return package
        package = package.rpartition('.')[0]
    return default


def find(target: str) -> Optional[Any]:
    """The object of mmcckd with this name, or with a name that ends so."""
    modules = [name for name in sorted(sys.modules)
               if f'{name}.'.startswith('mmcckd.')]
    for module in modules:
        if f'.{module}'.endswith(f'.{target}'):
            return sys.modules[module]
    owner, _, name = target.rpartition('.')
    if owner:
        return getattr(find(owner), name, None)
    values = [getattr(sys.modules[module], name, None) for module in modules]
    return next((value for value in values if value is not None), None)


def _resolve(app, env, node: nodes.Element, contnode: nodes.Element
             ) -> Optional[nodes.Element]:
    if node.get('refdomain') != 'py':
        return None
    value = find(node['reftarget'])
    if value is None:
        return None  # Sphinx says that there is no such object
    path = getattr(value, '__qualname__', node['reftarget'])
    package = home(value, path.partition('.')[0], '')
    entry = env.get_domain('py').objects.get(f'{package}.{path}')
    if entry is None:
        return contnode
    return make_refnode(app.builder, node['refdoc'], entry.docname,
                        entry.node_id, contnode, f'{package}.{path}')


def _skip(app, what, name, value, skip, options) -> Optional[bool]:
    """Leave out what a NamedTuple says of its fields."""
    text = getattr(value, '__doc__', None) or ''
    return True if text.startswith('Alias for field number') else None


def setup(app) -> dict:
    for module in pkgutil.walk_packages(mmcckd.__path__, 'mmcckd.'):
        importlib.import_module(module.name)
    app.connect('missing-reference', _resolve)
    app.connect('autodoc-skip-member', _skip)
    return dict(parallel_read_safe=True)
