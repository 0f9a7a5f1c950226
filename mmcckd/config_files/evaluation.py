"""Evaluate a config file with other values for its variables.

A config file is a program: ``beta = 100.0`` at the top is read where the file
says ``loss_weight=beta``, once, when the file is evaluated. To give ``beta``
another value afterwards changes no ``loss_weight``.
"""
import ast
import copy
import functools
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional
from unittest import mock

from mmengine.config import Config, config

# What the code that is added to a config reads.
_values: Dict[str, Any] = {}


@dataclass
class Evaluation:
    """What a config file gives.

    Attributes:
        cfg (Config): The config.
        assigned (Dict[str, List[str]]): The names that each file assigns at
            its top level, in order; first the files that others inherit from,
            last the file itself. Of JSON and YAML files nothing is known.
    """
    cfg: Config
    assigned: Dict[str, List[str]]


def evaluate(filename: str,
             values: Optional[Dict[str, Any]] = None,
             left_out: Optional[str] = None,
             first: int = 0) -> Evaluation:
    """Evaluate a config file and the files that it inherits from.

    Args:
        filename (str): The file.
        values (Dict[str, Any], optional): Values of variables; they replace
            what any of the files assigns to these names. Defaults to None.
        left_out (str, optional): A name that is deleted again wherever it was
            assigned. Defaults to None.
        first (int): In so many of the first files that assign ``left_out`` it
            is kept. Defaults to 0.

    Returns:
        Evaluation: The config, and what each file assigns.

    Raises:
        NameError: If a file reads the name that was left out.
        Exception: Whatever the code of the files raises.
    """
    values = values or {}
    assigned: Dict[str, List[str]] = {}
    reading: List[str] = []  # the file, below those that inherit from it

    def edit(tree: ast.Module) -> None:
        names = []
        kept = sum(left_out in names for names in assigned.values()) < first
        for body, statement in list(_statements(tree.body)):
            for name in _stored_names(statement):
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

    def noting(read: Callable) -> Callable:

        def note_and_read(filename: str, *args, **kwargs) -> Any:
            reading.append(filename)
            result = read(filename, *args, **kwargs)
            reading.pop()
            return result

        return note_and_read

    with mock.patch.dict(_values, values, clear=True), \
            mock.patch.multiple(
                Config,
                _file2dict=noting(Config._file2dict),
                _parse_lazy_import=noting(Config._parse_lazy_import),
                _get_cfg_path=_remembering(Config._get_cfg_path)), \
            mock.patch.multiple(
                config,
                RemoveAssignFromAST=_editing(config.RemoveAssignFromAST, edit),
                ImportTransformer=_editing(config.ImportTransformer, edit)):
        cfg = Config.fromfile(filename, import_custom_modules=False)
    return Evaluation(cfg, assigned)


def value_of(name: str) -> Any:
    """For the code that is added to a config: the value of a variable."""
    return copy.deepcopy(_values[name])


@functools.cache
def _remembering(find_base: Callable) -> Callable:
    """To find a package's config, MMEngine reads all of its metafiles."""
    return functools.cache(find_base)


def _editing(transformer: type, edit: Callable[[ast.Module], None]) -> type:
    """One of MMEngine's transformers of a file's code, which then edits."""

    class Editing(transformer):

        def visit_Module(self, node: ast.Module) -> ast.Module:
            node = self.generic_visit(node)
            edit(node)
            return ast.fix_missing_locations(node)

    return Editing


def _statements(body: List[ast.stmt]) -> Iterator[tuple]:
    """The statements of a file with the lists that they stand in, also those
    of loops and conditions, not those of functions and classes."""
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
