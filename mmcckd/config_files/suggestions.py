"""Suggest keys of a config in place of a name that nothing reads."""
import difflib
from typing import List

from mmengine.config import Config

from .component_types import bare_type
from .known_keys import KEYS, entries

# The components and arguments that use each variable of the recipes.
OBJECTIVE = dict(
    alpha=[('FrozenTeacherDistill', 'student_loss_weight'),
           ('KLDivergence', 'loss_weight')],  # the second is 1 - α
    beta=[('CorrelationCongruenceLoss', 'loss_weight')],
    tau=[('KLDivergence', 'tau')],
    gamma=[('GaussianRBFKernelConnector', 'gamma')],
    order=[('GaussianRBFKernelConnector', 'order')],
    k=[('CURSampler', 'samples_per_class'),
       ('SURSampler', 'samples_per_superclass')])
MOST = 4  # maximum number of keys in a message


def find_similar_keys(cfg: Config, key: str) -> List[str]:
    """Find keys that may have been meant by an override without effect.

    Args:
        cfg (Config): The config.
        key (str): Key from the command line, such as ``beta``, ``lr``, or
            ``train_pipeline.1.scale``.

    Returns:
        List[str]: The arguments of the objective for which the recipes use
        this name. If there are none: the keys that end with this name and, if
        the config has an entry of this name, the keys with the same value. If
        there are none or more than four: similar names. May be empty.
    """
    name, _, rest = key.partition('.')
    rest = rest and '.' + rest
    found = list(entries(cfg))
    objective = [
        f'{path}.{argument}' for path, value in found
        if isinstance(value, dict)
        for kind, argument in OBJECTIVE.get(name, [])
        if bare_type(value) == kind
    ]
    if objective:
        return objective
    near = difflib.get_close_matches(
        name, sorted(KEYS.union(cfg) - {name}), n=1, cutoff=0.75)
    near = [other + rest for other in near]
    if rest and name not in cfg and near:
        return near
    last = key.rpartition('.')[2]
    keys = [path for path, _ in found if path.endswith(f'.{last}')]
    # Entries with the same flag or common number are often unrelated.
    if name in cfg and repr(cfg[name]) not in ('None', 'False', 'True', '0',
                                               '1'):
        keys = [
            path + rest for path, value in found
            if type(value) is type(cfg[name]) and value == cfg[name]
        ] + keys
    keys = list(dict.fromkeys(keys))
    return keys if 0 < len(keys) <= MOST else near


def did_you_mean(keys: List[str]) -> str:
    """Return a question for the end of a message; empty without keys."""
    return f' Did you mean {" or ".join(keys)}?' if keys else ''
