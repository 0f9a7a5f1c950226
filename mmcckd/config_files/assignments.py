"""Assignments in a config file that have no effect."""
import difflib
import logging
from pathlib import Path
from typing import Dict, List, Optional

from mmengine.config import Config
from mmengine.logging import print_log

from .comparison import differences, without
from .evaluation import Evaluation, evaluate
from .known_keys import KEYS, RUNNER_KEYS


def check_assignments(cfg: Config) -> None:
    """Raise an error for an assignment in a config file without effect.

    Two kinds are found. The first is a variable such as ``beta = 0.0`` in a
    file that inherits from a file with ``beta = 100.0``: the latter has
    already used its own value. The second is a name that nothing reads and
    that resembles a key of the runner, such as ``train_dataloder``. Some
    installed packages have config files with such assignments; for these, a
    warning is logged instead.

    Args:
        cfg (Config): The config as read from a file.

    Raises:
        ValueError: If an assignment has no effect.
    """
    evaluation = evaluate(cfg.filename)
    files: Dict[str, List[str]] = {}  # by name
    for file, names in evaluation.assigned.items():
        for name in set(names) - KEYS:
            files.setdefault(name, []).append(file)
    for name, its_files in files.items():
        if len(its_files) > 1:
            message = _check_inherited(evaluation, name, its_files)
        else:
            message = _check_spelling(evaluation, name, its_files[0])
        if message and not _is_of_a_package(its_files[-1]):
            raise ValueError(message)
        if message:
            print_log(message, logger='current', level=logging.WARNING)


def _is_of_a_package(file: str) -> bool:
    """Whether a file is installed, or in a clone of MMPretrain or MMRazor."""
    folders = Path(file).resolve().parents
    return any(
        folder.name in ('site-packages', 'dist-packages', '.mim') or
        any((folder / name / 'version.py').exists()
            for name in ('mmpretrain', 'mmrazor')) for folder in folders)


def _check_inherited(evaluation: Evaluation, name: str,
                     files: List[str]) -> Optional[str]:
    """Return a message if a name is assigned after its last use.

    ``files`` are the files that assign the name, in order of evaluation; the
    last one is checked.
    """
    cfg = evaluation.cfg
    if name not in cfg:
        return None
    value = cfg.to_dict()[name]
    text = repr(value) if len(repr(value)) < 40 else '…'
    meant = _changed(cfg, name, values={name: value})
    # If the file reads the name itself, the assignment has an effect.
    if not meant or _changed(
            cfg, name, left_out=name, first=len(files) - 1) != []:
        return None
    return (f'{name} = {text} in {files[-1]} changes nothing: the file that '
            'it inherits from has already used its own value. Assign the '
            f'entries that depend on it: {", ".join(meant)}; or remove it '
            f'and use --cfg-options {name}=….')


def _check_spelling(evaluation: Evaluation, name: str,
                    file: str) -> Optional[str]:
    """Return a message if an unused name resembles a key of the runner."""
    near = difflib.get_close_matches(
        name, sorted(RUNNER_KEYS), n=1, cutoff=0.9)
    if not near or near[0] in evaluation.assigned[file] or _changed(
            evaluation.cfg, name, left_out=name) != []:
        return None
    return f'Nothing reads {name} in {file}. Did you mean {near[0]}?'


def _changed(cfg: Config, name: str, **kwargs) -> Optional[List[str]]:
    """Find the other entries that change if a variable is changed.

    Returns:
        List[str], optional: Keys of the entries, without the variable itself;
        None if the config cannot be evaluated with the change.
    """
    try:
        other = evaluate(cfg.filename, **kwargs).cfg
    except Exception:  # such as a NameError if a removed name is read
        return None
    return differences(
        without(cfg.to_dict(), name), without(other.to_dict(), name))
