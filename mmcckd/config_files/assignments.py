"""Assignments in a config file that have no effect."""
import difflib
from typing import List, Optional, Set

from mmengine.config import Config

from .comparison import differences, without
from .evaluation import Evaluation, evaluate
from .readers import KEYS, RUNNER_KEYS


def check_assignments(cfg: Config) -> None:
    """Raise for a name that a config file assigns in vain.

    That is ``beta = 0.0`` in a file that inherits from one with ``beta =
    100.0``: the latter has used its own value by then. And it is a name that
    nothing reads but that nearly is a key of the runner, as
    ``train_dataloder``.

    Args:
        cfg (Config): As read from a file.

    Raises:
        ValueError: If there is such a name.
    """
    evaluation = evaluate(cfg.filename)
    files = [set(names) - KEYS for names in evaluation.assigned]
    for name in sorted(set().union(*files)):
        count = sum(name in names for names in files)
        if count > 1:
            _check_inherited(evaluation, name)
        elif count == 1:
            _check_spelling(evaluation, name)


def _check_inherited(evaluation: Evaluation, name: str) -> None:
    """Raise if only the assignments of files that are inherited from count."""
    cfg = evaluation.cfg
    if name not in cfg:
        return
    meant = _changed(cfg, name, values={name: cfg.to_dict()[name]})
    # Where a file reads what it assigns, the assignment has an effect.
    if meant and _changed(cfg, name, left_out=name, first=1) == []:
        raise ValueError(
            f'{name} = {cfg.to_dict()[name]!r} in {cfg.filename} changes '
            'nothing: the file that it inherits from has used its own value '
            f'by then. Assign the entries that are made of it: '
            f'{", ".join(meant)}; or override it: --cfg-options {name}=….')


def _check_spelling(evaluation: Evaluation, name: str) -> None:
    """Raise if a name is nearly one that the runner reads."""
    keys = sorted(RUNNER_KEYS)
    near = difflib.get_close_matches(name, keys, n=1, cutoff=0.85)
    file: Set[str] = next(
        set(names) for names in evaluation.assigned if name in names)
    if near and near[0] not in file and _changed(
            evaluation.cfg, name, left_out=name) == []:
        raise ValueError(
            f'Nothing reads {name} in {evaluation.cfg.filename}. Did you mean '
            f'{near[0]}?')


def _changed(cfg: Config, name: str, **kwargs) -> Optional[List[str]]:
    """The entries, other than its own, that another value of a name changes;
    None if the config cannot be evaluated with it."""
    try:
        other = evaluate(cfg.filename, **kwargs).cfg
    except Exception:  # such as a NameError, where it is read but left out
        return None
    return differences(
        without(cfg.to_dict(), name), without(other.to_dict(), name))
