"""Save and restore the states of the global random generators."""
import random
from typing import Any, Dict

import numpy as np
import torch


def get_random_states() -> Dict[str, Any]:
    """Return the states of the generators of this process.

    Returns:
        dict: The states of the generators of Python, NumPy, PyTorch, and of
        the current GPU if CUDA is used. It contains tensors and plain data
        only, so that torch's safe loading reads it from a checkpoint.
    """
    name, keys, *rest = np.random.get_state()
    states = dict(
        python=random.getstate(),
        numpy=(name, keys.tolist(), *rest),
        torch=torch.get_rng_state())
    if torch.cuda.is_initialized():
        states['cuda'] = torch.cuda.get_rng_state()
    return states


def set_random_states(states: Dict[str, Any]) -> None:
    """Continue with the random numbers of another process.

    Args:
        states (dict): What :func:`get_random_states` has returned there. The
            state of a GPU is left out if there is none here.
    """
    random.setstate(states['python'])
    name, keys, *rest = states['numpy']
    np.random.set_state((name, np.array(keys, np.uint32), *rest))
    # A checkpoint may have been loaded to a GPU.
    torch.set_rng_state(states['torch'].cpu())
    if 'cuda' in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states['cuda'].cpu())
