"""Read data files without running code that is in them.

MMEngine's ``load`` reads *.pkl as any pickle, and *.yaml with PyYAML's unsafe
loader: both call the functions that a file names. Annotations of data sets are
read by it, and MMRazor's subnets.

Here, annotations that are pickles may contain plain containers and arrays,
and YAML files what MMEngine writes into them: plain values, and tuples. Other
pickles that a program loads with ``load`` are its own, and may hold anything.

Can be deleted when MMEngine reads annotations and YAML without calling what
they name.
"""
import io
from collections import OrderedDict
from typing import Any

import yaml
from mmengine.dataset import base_dataset
from mmengine.fileio import get
from mmengine.fileio.handlers import yaml_handler

from mmcckd.files.pickles import NUMPY, SafeUnpickler, with_plain_arrays

ALLOWED = {**NUMPY, 'collections.OrderedDict': OrderedDict}


class PlainLoader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):
    """PyYAML's safe loader, with tuples."""

    def tuple_(self, node: yaml.Node) -> tuple:
        return tuple(self.construct_sequence(node))


PlainLoader.add_constructor('tag:yaml.org,2002:python/tuple',
                            PlainLoader.tuple_)


def read_data_files_safely() -> None:
    """Replace the loader of YAML files, and that of annotations."""
    yaml_handler.Loader = PlainLoader
    if not hasattr(base_dataset.load, '__wrapped__'):
        base_dataset.load = _loading_plain_pickles(base_dataset.load)


def _loading_plain_pickles(load):

    def load_annotations(file, *args, **kwargs) -> Any:
        if args or kwargs or not str(file).endswith(('.pkl', '.pickle')):
            return load(file, *args, **kwargs)
        try:
            unpickler = SafeUnpickler(io.BytesIO(get(file)), ALLOWED)
            return with_plain_arrays(unpickler.load())
        except OSError:
            raise
        except Exception as error:  # a wrong file can raise any error
            raise ValueError(
                f'The annotations {file} were refused: the file is damaged, '
                'or holds more than text, numbers, arrays and plain '
                'containers, which could run code when loaded. Convert it '
                f'to JSON. Reading it ended with {type(error).__name__}: '
                f'{error}') from error

    load_annotations.__wrapped__ = load
    return load_annotations
