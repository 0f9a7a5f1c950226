"""Know which weights of a network were loaded, and keep them."""
from contextlib import contextmanager
from typing import Dict, Iterator, Set, Tuple
from unittest import mock

import torch
from torch import Tensor, nn

# A parameter or buffer: its module, and its name there.
Weights = Set[Tuple[nn.Module, str]]


@contextmanager
def watch_loading() -> Iterator[Weights]:
    """Gives what is loaded meanwhile, into whatever network, by whatever
    function, for all of them call the same method of each module."""
    loaded: Weights = set()
    load = nn.Module._load_from_state_dict

    def load_and_note(self, state_dict, prefix, *args, **kwargs) -> None:
        load(self, state_dict, prefix, *args, **kwargs)
        loaded.update(fitting(self, state_dict, prefix))

    with mock.patch.object(nn.Module, '_load_from_state_dict', load_and_note):
        yield loaded


@contextmanager
def keep_loaded(loaded: Weights) -> Iterator[Weights]:
    """Within it weights may be initialized, but these keep their values,
    unless others are loaded. Gives what is."""
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
    """The weights of one module that a state dict has, in their shape."""
    return {(module, name)
            for weights in (module._parameters, module._buffers)
            for name, weight in weights.items()
            if weight is not None and prefix + name in state_dict
            and state_dict[prefix + name].shape == weight.shape}
