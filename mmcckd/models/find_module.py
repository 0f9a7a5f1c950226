"""Find a module of a model by its name."""
import difflib

from torch import nn


def find_module(model: nn.Module, name: str, owner: str) -> nn.Module:
    """Return the module with a name, as in ``named_modules``.

    Args:
        model (nn.Module): The model.
        name (str): Name of the module, such as "neck" or "backbone.layer4".
        owner (str): What error messages call the model, such as "teacher".

    Raises:
        ValueError: If there is no such module. The message lists similar
            names.
    """
    modules = dict(model.named_modules())
    if name in modules and name:
        return modules[name]
    near = difflib.get_close_matches(name, modules, n=5, cutoff=0.5)
    if not near:
        near = [child for child, _ in model.named_children()]
    raise ValueError(f'The {owner}, a {type(model).__name__}, has no module '
                     f'{name!r}; near names: {", ".join(near)}.')
