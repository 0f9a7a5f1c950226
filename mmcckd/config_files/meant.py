"""Which key of a config is meant by a name that nothing reads."""
import difflib
from typing import List

from mmengine.config import Config

from .component_types import bare_type
from .readers import KEYS, entries

# Where the recipes' variables go: component and argument.
OBJECTIVE = dict(
    alpha=[('FrozenTeacherDistill', 'student_loss_weight'),
           ('KLDivergence', 'loss_weight')],  # the second is 1 - α
    beta=[('CorrelationCongruenceLoss', 'loss_weight')],
    tau=[('KLDivergence', 'tau')],
    gamma=[('GaussianRBFKernelConnector', 'gamma')],
    order=[('GaussianRBFKernelConnector', 'order')],
    k=[('CURSampler', 'samples_per_class'),
       ('SURSampler', 'samples_per_superclass')])
MOST = 4  # keys in a message


def keys_meant(cfg: Config, key: str) -> List[str]:
    """The keys that an override of nothing may have been for.

    Args:
        cfg (Config): The config.
        key (str): As on a command line, such as ``beta``, ``lr``, or
            ``train_pipeline.1.scale``.

    Returns:
        List[str]: The arguments of the objective that the recipes have under
        this name; else the keys with this last name, and, of a name that the
        config does have, those with its value; else names that are nearly the
        same. Empty if there is none, or too many to help.
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
    # Equal flags, or numbers as common as these, need not belong together.
    if name in cfg and repr(cfg[name]) not in ('None', 'False', 'True', '0',
                                               '1'):
        keys = [
            path + rest for path, value in found
            if type(value) is type(cfg[name]) and value == cfg[name]
        ] + keys
    keys = list(dict.fromkeys(keys))
    return keys if 0 < len(keys) <= MOST else near


def did_you_mean(keys: List[str]) -> str:
    """A question to end a message with; empty if there are no keys."""
    return f' Did you mean {" or ".join(keys)}?' if keys else ''
