"""Read the config in a checkpoint without running it.

MMEngine saves the config of a run in its checkpoints, as Python code, and
reads such a config by running it. A checkpoint must not run code.
"""
import ast
from typing import Any, Iterator

import mmengine.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import import_modules_from_strings


def parse_config(text: str) -> Config:
    """Parse a config that MMEngine's ``Config.pretty_text`` wrote.

    The modules that its ``custom_imports`` name are imported, as
    ``Config.fromfile`` does.

    Args:
        text (str): Assignments of numbers, text, None, booleans, and lists,
            tuples and dicts of these.

    Raises:
        ImportError: If one of its ``custom_imports`` is not installed.
        ValueError: If the text holds anything else.
    """
    content = {}
    try:
        for line in ast.parse(text).body:
            if not isinstance(line, ast.Assign):
                raise ValueError(f'line {line.lineno} is not an assignment')
            name, = line.targets
            content[name.id] = ast.literal_eval(_Dicts().visit(line.value))
    except (AttributeError, MemoryError, RecursionError, SyntaxError,
            TypeError, ValueError) as error:
        raise ValueError(f'it is not plain data: {error}.') from error
    cfg = Config(content)
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    return cfg


def check_types(cfg: Config) -> None:
    """Raise an error if a ``type`` is not the name of a registered class.

    MMEngine would import and call any function that is given by its path.

    Raises:
        ValueError: If a type has a path and is not in a registry.
    """
    registered = set()
    for root in vars(mmengine.registry).values():
        if isinstance(root, Registry):
            for registry in (root, *root.children.values()):
                registry.import_from_location()
                registered.update(f'{registry.scope}.{name}'
                                  for name in registry.module_dict)
    for name in types(cfg.to_dict()):
        if '.' in name and name not in registered:
            raise ValueError(f'it has the type {name!r}, which is not in a '
                             'registry.')


def types(config: Any) -> Iterator[str]:
    """Yield every ``type`` in nested dicts, lists and tuples."""
    if isinstance(config, dict):
        if 'type' in config:
            yield str(config['type'])
        config = config.values()
    elif not isinstance(config, (list, tuple)):
        return
    for part in config:
        yield from types(part)


class _Dicts(ast.NodeTransformer):
    """Turn ``dict(a=1)`` and ``dict({'a': 1})`` into ``{'a': 1}``, and the
    names ``inf`` and ``nan`` into numbers."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == 'dict':
            if not node.args:
                return ast.Dict(
                    keys=[ast.Constant(word.arg) for word in node.keywords],
                    values=[word.value for word in node.keywords])
            if len(node.args) == 1 and not node.keywords:
                return node.args[0]
        raise ValueError(f'line {node.lineno} calls a function')

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in ('inf', 'nan'):
            return ast.Constant(float(node.id))
        return node
