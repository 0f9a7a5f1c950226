import json
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, List, Optional

from mmcckd.files.atomic import atomic_write
from mmcckd.files.json_text import parse_json

FORMAT = 'mmcckd teacher store, version 1'
MAX_ROWS = 2**48  # a checksum of each takes 1 PB
OWN_FILES = ('.lock', '.store.partial.json')  # of a process that was killed


def open_identity(
        folder: Path,
        identity: Optional[Dict[str, Any]] = None,
        lock: Optional[Callable[[], ContextManager]] = None) -> Dict[str, Any]:
    """Read what a store belongs to, or create a new store.

    Args:
        folder (Path): Folder of the store.
        identity (Dict[str, Any], optional): What it has to belong to, in JSON
            types. Defaults to None: anything, and a store has to exist.
        lock (Callable[[], ContextManager], optional): Context in which no
            other process creates a store in the folder.

    Returns:
        Dict[str, Any]: The identity of the store.

    Raises:
        OSError: If the file system has no locks.
        ValueError: If the store belongs to something else, the folder has
            other files, or ``store.json`` is damaged.
    """
    path = folder / 'store.json'
    if not path.exists():
        if identity is None:
            raise ValueError(f'There is no teacher store in {folder}: '
                             f'{path.name} does not exist.')
        _check_empty(folder)
        try:
            with lock():
                if not path.exists():
                    _check_empty(folder)
                    with atomic_write(path) as temporary:
                        temporary.write_text(
                            json.dumps(
                                dict(format=FORMAT, identity=identity),
                                indent=1))
        except OSError as error:
            raise OSError(
                error.errno,
                f'The teacher store {folder} cannot be created: '
                f'{error.strerror or error}; put it on a file system that can '
                'be written to and has locks, such as a local disk') from error
    stored = _read(path)
    if identity is not None:
        found = differences(stored, json.loads(json.dumps(identity)))
        if found:
            raise ValueError(
                f'The teacher store {folder} belongs to something else: '
                f'{"; ".join(found)}. Give another path, or the same teacher, '
                'data and settings.')
    return stored


def _check_empty(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f'The path of a teacher store is that of a folder, '
                         f'but {folder} is a file.')
    others = sorted(path.name for path in folder.iterdir()
                    if path.name not in OWN_FILES)
    # Another process may have created the store in the meantime.
    if others and not (folder / 'store.json').exists():
        raise ValueError(
            f'The folder {folder} is not empty, and contains no teacher store '
            f'but {", ".join(others[:3])}; give another path.')


def _read(path: Path) -> Dict[str, Any]:
    try:
        content = parse_json(path.read_text())
        if content['format'] != FORMAT:
            raise ValueError(f'its format is {content["format"]!r}')
        identity = content['identity']
        for name, least in (('views', 1), ('num_samples', 1), ('seed', 0)):
            if type(identity[name]) is not int or identity[name] < least:
                raise ValueError(f'{name} is {identity[name]!r:.80}')
        if identity['views'] * identity['num_samples'] > MAX_ROWS:
            raise ValueError(f'it has more than {MAX_ROWS} rows')
        return identity
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f'{path} is damaged, or is not a "{FORMAT}": {error!r}. Give '
            'another path; or delete the folder, if it is a teacher store, '
            'whose rows are computed again then.') from error


def differences(stored: Any, given: Any, name: str = '') -> List[str]:
    """Name the entries of two JSON values that differ, with both values.

    Args:
        stored (Any): Value in the store.
        given (Any): Value of this run.
        name (str): Name of the value. Defaults to an empty text: an entry of
            a dict has only its own name.

    Returns:
        List[str]: A text for each difference.
    """
    both = (stored, given)
    if all(isinstance(value, dict) for value in both):
        keys = dict.fromkeys([*stored, *given])
    elif all(isinstance(value, list)
             for value in both) and len(stored) == len(given):
        keys = range(len(stored))
        stored, given = (dict(enumerate(value)) for value in both)
    else:
        same = stored == given
        return [] if same else [
            f'{name} is {_text(stored)} in the store, but {_text(given)} here'
        ]
    return [
        text for key in keys for text in differences(
            stored.get(key), given.get(key), f'{name}.{key}' if name else key)
    ]


def _text(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 1000 else f'{text[:1000]} …'
