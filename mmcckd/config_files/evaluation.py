"""Evaluate a config file with other values for its variables.

A config file is a program. In a file with ``beta = 100.0`` and
``loss_weight=beta``, the loss weight is set once, when the file is evaluated;
changing ``beta`` afterwards does not change it.
"""
import ast
import copy
import functools
import os.path as osp
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional
from unittest import mock

from mmengine.config import Config, config
from mmengine.config.config import BASE_KEY

# Values that the code inserted into a config file reads.
_values: Dict[str, Any] = {}


@dataclass
class Evaluation:
    """The result of evaluating a config file.

    Attributes:
        cfg (Config): The config.
        assigned (Dict[str, List[str]]): The names that each file assigns at
            its top level, in order. The base files come first, the file
            itself last. JSON and YAML files are not included.
    """
    cfg: Config
    assigned: Dict[str, List[str]]


def evaluate(filename: str,
             values: Optional[Dict[str, Any]] = None,
             left_out: Optional[str] = None,
             first: int = 0) -> Evaluation:
    """Evaluate a config file and the files that it inherits from.

    Args:
        filename (str): Path of the file.
        values (Dict[str, Any], optional): Values of variables. They replace
            the values that the files assign to these names. Defaults to None.
        left_out (str, optional): A name that is deleted after each of its
            assignments. Defaults to None.
        first (int): The number of files, from the first one that assigns
            ``left_out``, in which this name is not deleted. Defaults to 0.

    Returns:
        Evaluation: The config, and the names that each file assigns.

    Raises:
        NameError: If a file reads the name that was deleted.
        Exception: Any exception that the code of the files raises.
    """
    values = values or {}
    assigned: Dict[str, List[str]] = {}
    # The stack of files being read: the current one is the last, after the
    # files that inherit from it.
    reading: List[str] = []

    def edit(tree: ast.Module) -> None:
        names = []
        kept = sum(left_out in names for names in assigned.values()) < first
        for body, statement in list(_statements(tree.body)):
            for name in _stored_names(statement):
                if name == BASE_KEY:
                    continue
                names.append(name)
                if name in values:
                    code = (f'{name} = __import__({__name__!r}, '
                            f'fromlist=["value_of"]).value_of({name!r})')
                elif name == left_out and not kept:
                    code = f'del {name}'
                else:
                    continue
                body.insert(
                    body.index(statement) + 1, ast.parse(code).body[0])
        assigned[reading[-1]] = names

    def recording(read: Callable) -> Callable:

        def record_and_read(filename: str, *args, **kwargs) -> Any:
            # New-style configs may read a file by several relative paths.
            reading.append(osp.normpath(filename))
            result = read(filename, *args, **kwargs)
            reading.pop()
            return result

        return record_and_read

    with mock.patch.dict(_values, values, clear=True), \
            mock.patch.multiple(
                Config,
                _file2dict=recording(Config._file2dict),
                _parse_lazy_import=recording(Config._parse_lazy_import),
                _get_cfg_path=_cached(Config._get_cfg_path)), \
            mock.patch.multiple(
                config,
                RemoveAssignFromAST=_editing(config.RemoveAssignFromAST, edit),
                ImportTransformer=_editing(config.ImportTransformer, edit)):
        cfg = Config.fromfile(filename, import_custom_modules=False)
    return Evaluation(cfg, assigned)


def value_of(name: str) -> Any:
    """Return the value of a variable, for the code inserted into a config."""
    return copy.deepcopy(_values[name])


@functools.cache
def _cached(find_base: Callable) -> Callable:
    """Cache the paths of configs: MMEngine reads all metafiles to find one."""
    return functools.cache(find_base)


def _editing(transformer: type, edit: Callable[[ast.Module], None]) -> type:
    """Extend one of MMEngine's transformers of config code with an edit."""

    class Editing(transformer):

        def visit_Module(self, node: ast.Module) -> ast.Module:
            # Imports of new-style configs become assignments in this visit.
            edit(node)
            node = self.generic_visit(node)
            return ast.fix_missing_locations(node)

    return Editing


def _statements(body: List[ast.stmt]) -> Iterator[tuple]:
    """Yield the statements of a file, each with the list that contains it.

    Statements in loops and conditions are included, those in functions and
    classes are not.
    """
    for statement in body:
        yield body, statement
        if isinstance(statement,
                      (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for part in ('body', 'orelse', 'finalbody'):
            yield from _statements(getattr(statement, part, []))


def _stored_names(statement: ast.stmt) -> Iterator[str]:
    targets = getattr(statement, 'targets',
                      [getattr(statement, 'target', None)])
    for target in filter(None, targets):
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(
                    node.ctx, ast.Store):
                yield node.id
