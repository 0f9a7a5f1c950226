"""Find a module of a model by its name."""
import difflib

from torch import nn


def find_module(model: nn.Module, name: str, owner: str) -> nn.Module:
    """The module of that name, as ``named_modules`` names them.

    Args:
        model (nn.Module): Where to look.
        name (str): Such as "neck" or "backbone.layer4".
        owner (str): Who the model is, for the message: "teacher".

    Raises:
        ValueError: If there is none; the message lists near names.
    """
    modules = dict(model.named_modules())
    if name in modules and name:
        return modules[name]
    near = difflib.get_close_matches(name, modules, n=5, cutoff=0.5)
    if not near:
        near = [child for child, _ in model.named_children()]
    raise ValueError(f'The {owner}, a {type(model).__name__}, has no module '
                     f'{name!r}; near names: {", ".join(near)}.')
