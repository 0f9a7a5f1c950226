"""The text of a config as data, which is never run.

MMEngine saves the config of a run in its checkpoints, as Python code, and
reads such a config by running it. A checkpoint must not run code.
"""
import ast
from typing import Any, Iterator

from mmengine.config import Config


def config_text(cfg: Config) -> str:
    """The text of a config, as Python code without anything but data.

    MMEngine's ``pretty_text`` writes a key with a quote in it as code, and
    ``Config.fromfile`` replaces text such as "{{$HOME:x}}".

    Args:
        cfg (Config): Of numbers, text, None, booleans, and lists, tuples and
            dicts of these.

    Raises:
        ValueError: If the text would not give the same config.
    """
    try:
        text = cfg.pretty_text
        same = parse_config(text).to_dict() == cfg.to_dict()
    except (SyntaxError, ValueError) as error:
        raise ValueError(f'it cannot be written as text: {error}') from error
    if '{{' in text or not same:
        raise ValueError('it cannot be written as text, from which MMEngine '
                         'would read the same config; it has keys with '
                         'special characters, or text with "{{".')
    return text


def parse_config(text: str) -> Config:
    """Parse a config that MMEngine's ``Config.pretty_text`` wrote.

    Unlike ``Config.fromfile``, it imports no ``custom_imports``.

    Args:
        text (str): Assignments of numbers, text, None, booleans, and lists,
            tuples and dicts of these.

    Raises:
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
    return Config(content)


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
