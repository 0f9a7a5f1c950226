"""Read data files without running code that is in them.

MMEngine's ``load`` reads *.pkl as any pickle, and *.yaml with PyYAML's unsafe
loader: both call the functions that a file names. Data sets read their
annotations by it, and MMRazor its subnets.

Here, the pickles that a data set loads may contain plain containers and
arrays, and YAML files what MMEngine writes into them: plain values, and
tuples. Pickles that other code loads are its own, and may hold anything.

Can be deleted when MMEngine reads annotations and YAML without calling what
they name.
"""
import functools
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any, BinaryIO, Callable

import yaml
from mmengine.dataset import BaseDataset
from mmengine.fileio.handlers import PickleHandler, yaml_handler
from mmpretrain.datasets import MultiTaskDataset

from mmcckd.files.pickles import NUMPY, SafeUnpickler, with_plain_arrays

ALLOWED = {**NUMPY, 'collections.OrderedDict': OrderedDict}
_in_data_set = ContextVar('_in_data_set', default=False)


class PlainLoader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    """PyYAML's safe loader, with tuples."""

    def construct_tuple(self, node: yaml.Node) -> tuple:
        return tuple(self.construct_sequence(node, deep=True))


PlainLoader.add_constructor('tag:yaml.org,2002:python/tuple',
                            PlainLoader.construct_tuple)


def read_data_files_safely() -> None:
    """Replace the loaders of YAML files, and of pickles in data sets."""
    yaml_handler.Loader = PlainLoader
    load = PickleHandler.load_from_fileobj
    if hasattr(load, '__wrapped__'):
        return

    @functools.wraps(load)
    def load_from_fileobj(self, file: BinaryIO, **kwargs) -> Any:
        if not _in_data_set.get():
            return load(self, file, **kwargs)
        return _load_plainly(file, **kwargs)

    PickleHandler.load_from_fileobj = load_from_fileobj
    BaseDataset.full_init = _as_data_set(BaseDataset.full_init)
    MultiTaskDataset.load_data_list = _as_data_set(
        MultiTaskDataset.load_data_list)


def _as_data_set(method: Callable) -> Callable:

    @functools.wraps(method)
    def with_plain_pickles(*args, **kwargs) -> Any:
        before = _in_data_set.set(True)
        try:
            return method(*args, **kwargs)
        finally:
            _in_data_set.reset(before)

    return with_plain_pickles


def _load_plainly(file: BinaryIO, **kwargs) -> Any:
    try:
        return with_plain_arrays(SafeUnpickler(file, ALLOWED, **kwargs).load())
    except Exception as error:  # a wrong file can raise any error
        raise ValueError(
            'The pickle of a data set was refused: it is damaged, or holds '
            'more than text, numbers, arrays and plain containers, which '
            'could run code when loaded. Convert the annotations to JSON. '
            f'Reading it ended with {type(error).__name__}: {error}'
        ) from error
