"""Assignments in a config file that have no effect."""
import difflib
import logging
from pathlib import Path
from typing import Dict, List, Optional

from mmengine.config import Config
from mmengine.logging import print_log

from .comparison import differences, without
from .evaluation import Evaluation, evaluate
from .readers import KEYS, RUNNER_KEYS


def check_assignments(cfg: Config) -> None:
    """Raise for a name that a config file assigns in vain.

    That is ``beta = 0.0`` in a file that inherits from one with ``beta =
    100.0``: the latter has used its own value by then. And it is a name that
    nothing reads but that nearly is a key of the runner, as
    ``train_dataloder``. In files of installed packages, some of which do this,
    it is only said.

    Args:
        cfg (Config): As read from a file.

    Raises:
        ValueError: If there is such a name.
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
    """Whether it is installed, or in a clone of MMPretrain or MMRazor."""
    folders = Path(file).resolve().parents
    return any(
        folder.name in ('site-packages', 'dist-packages', '.mim') or
        any((folder / name / 'version.py').exists()
            for name in ('mmpretrain', 'mmrazor')) for folder in folders)


def _check_inherited(evaluation: Evaluation, name: str,
                     files: List[str]) -> Optional[str]:
    """What to say if the last of the files that assign a name does so too
    late for those who read it."""
    cfg = evaluation.cfg
    if name not in cfg:
        return None
    value = cfg.to_dict()[name]
    text = repr(value) if len(repr(value)) < 40 else '…'
    meant = _changed(cfg, name, values={name: value})
    # Where a file reads what it assigns, the assignment has an effect.
    if not meant or _changed(
            cfg, name, left_out=name, first=len(files) - 1) != []:
        return None
    return (f'{name} = {text} in {files[-1]} changes nothing: the file that '
            'it inherits from has used its own value by then. Assign the '
            'entries '
            f'that are made of it: {", ".join(meant)}; or leave it out and '
            f'give --cfg-options {name}=….')


def _check_spelling(evaluation: Evaluation, name: str,
                    file: str) -> Optional[str]:
    """What to say if a name is nearly one that the runner reads."""
    near = difflib.get_close_matches(
        name, sorted(RUNNER_KEYS), n=1, cutoff=0.9)
    if not near or near[0] in evaluation.assigned[file] or _changed(
            evaluation.cfg, name, left_out=name) != []:
        return None
    return f'Nothing reads {name} in {file}. Did you mean {near[0]}?'


def _changed(cfg: Config, name: str, **kwargs) -> Optional[List[str]]:
    """The entries, other than its own, that another value of a name changes;
    None if the config cannot be evaluated with it."""
    try:
        other = evaluate(cfg.filename, **kwargs).cfg
    except Exception:  # such as a NameError, where it is read but left out
        return None
    return differences(
        without(cfg.to_dict(), name), without(other.to_dict(), name))
