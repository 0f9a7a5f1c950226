"""Imports run one way, as docs/architecture.md says."""
import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / 'mmcckd'
# From the bottom to the top. A module imports from its own layer's package and
# from the layers below.
LAYERS = [
    ['version', 'functional', 'files', 'lost_ranks', 'name_lists',
     'progress_bar'],
    ['config_files', 'loaded_weights'],
    ['compat', 'arguments'],
    ['datasets', 'teacher_store', 'visualization'],
    ['models'],
    ['engine', 'superclasses', 'reid'],
    ['recipes', 'export'],
    ['reid.visualization', 'studies'],
    [''],  # registers the components
]
RANKS = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def part_of(module):
    """The longest entry of LAYERS that the module is in."""
    parts = module.split('.')
    for n in range(len(parts), -1, -1):
        if '.'.join(parts[:n]) in RANKS:
            return '.'.join(parts[:n])


def imports(path):
    """Names of the modules of mmcckd that a file imports."""
    package = module_name(path)
    if path.name != '__init__.py':
        package = package.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = package.split('.') if package else []
            base = parts[:len(parts) - (node.level - 1)]
            if node.module:
                yield '.'.join([*base, node.module])
            else:
                yield from ('.'.join([*base, name.name])
                            for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == 'mmcckd':
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module.startswith('mmcckd.'):
                yield node.module.partition('.')[2]
        elif isinstance(node, ast.Import):
            yield from (name.name.partition('.')[2] for name in node.names
                        if name.name.startswith('mmcckd.'))


@pytest.mark.parametrize(
    'path', sorted(PACKAGE.rglob('*.py')), ids=module_name)
def test_imports_run_one_way(path):
    own = part_of(module_name(path))
    for module in imports(path):
        other = part_of(module)
        assert other == own or RANKS[other] < RANKS[own], (
            f'{module_name(path)} imports {module}, but {own} is not above '
            f'{other}.')


def test_no_two_modules_of_one_name():
    names = [path.name for path in PACKAGE.rglob('*.py')
             if path.name != '__init__.py']
    assert not {name for name in names if names.count(name) > 1}
