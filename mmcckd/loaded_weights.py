"""Find out which weights of a network are loaded, and keep them."""
from contextlib import contextmanager
from typing import Dict, Iterator, Set, Tuple
from unittest import mock

import torch
from torch import Tensor, nn

# Each parameter or buffer is given by its module and its name in the module.
Weights = Set[Tuple[nn.Module, str]]


@contextmanager
def watch_loading() -> Iterator[Weights]:
    """Record the weights that are loaded within this context.

    All networks and all functions that load state dicts are covered, since
    they all call ``_load_from_state_dict`` of each module.

    Yields:
        Weights: The loaded weights. The set grows with each loading.
    """
    loaded: Weights = set()
    load = nn.Module._load_from_state_dict

    def load_and_record(self, state_dict, prefix, *args, **kwargs) -> None:
        load(self, state_dict, prefix, *args, **kwargs)
        loaded.update(fitting(self, state_dict, prefix))

    with mock.patch.object(nn.Module, '_load_from_state_dict',
                           load_and_record):
        yield loaded


@contextmanager
def keep_loaded(loaded: Weights) -> Iterator[Weights]:
    """Keep the values of loaded weights when a network is initialized.

    At the end of this context, the given weights get back the values that
    they had at its start, unless they were loaded again.

    Args:
        loaded (Weights): The weights to keep.

    Yields:
        Weights: The weights that are loaded within this context.
    """
    before = {(module, name): getattr(module, name).detach().clone()
              for module, name in loaded}
    with watch_loading() as loaded_again:
        yield loaded_again
    with torch.no_grad():
        for (module, name), value in before.items():
            if (module, name) not in loaded_again:
                getattr(module, name).copy_(value)


def fitting(module: nn.Module, state_dict: Dict[str, Tensor],
            prefix: str) -> Weights:
    """Return the weights of a module that a state dict has in equal shape.

    Args:
        module (nn.Module): The module; its submodules are not considered.
        state_dict (Dict[str, Tensor]): The state dict of a network.
        prefix (str): The prefix of the module's names in the state dict.

    Returns:
        Weights: The weights that are in the state dict.
    """
    return {(module, name)
            for weights in (module._parameters, module._buffers)
            for name, weight in weights.items()
            if weight is not None and prefix + name in state_dict
            and state_dict[prefix + name].shape == weight.shape}
