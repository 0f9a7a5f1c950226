"""Read checkpoints, and the weights in them."""
import re
from collections import OrderedDict
from typing import Any

from mmengine.runner import CheckpointLoader
from torch import Tensor

from .checkpoint_damage import DamagedCheckpointError
from .safe_loading import allow_log, safe_loading

MAX_KEYS = 20  # number of keys in a message


def read_checkpoint(filename: str) -> dict:
    """Read a checkpoint without running code that is in it.

    Args:
        filename (str): A path, a URL, or whatever else MMEngine's
            ``CheckpointLoader`` takes.

    Returns:
        dict: What was saved, with its tensors on the CPU. It holds weights:
        see :func:`weights_of`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, is damaged, is not a checkpoint or
            holds no weights, or it would run code.
    """
    filename = str(filename)
    load = allow_log(CheckpointLoader.load_checkpoint)
    try:
        with safe_loading():
            content = load(filename, map_location='cpu', logger='silent')
    except FileNotFoundError as error:
        raise FileNotFoundError(f'No checkpoint at {filename}.') from error
    except DamagedCheckpointError:
        raise
    except OSError as error:
        raise ValueError(
            f'The checkpoint {filename} cannot be read: {error}; check the '
            'path, its permissions, or the connection.') from error
    except Exception as error:  # a wrong file can raise any error
        # torch's text begins by explaining how to load it unsafely.
        reason = str(error).split('WeightsUnpickler error: ')[-1]
        raise ValueError(
            f'The checkpoint {filename} was refused: it is not a checkpoint, '
            'is damaged, or holds more than tensors and plain data, which '
            'could run code when loaded. Give a file that MMEngine wrote, or '
            'that torch.save wrote of a state_dict. torch says: '
            f'{type(error).__name__}: {reason}') from error
    weights_of(content, f'The checkpoint {filename}')  # or an error
    return content


def weights_of(checkpoint: Any, name: str) -> 'OrderedDict[str, Tensor]':
    """Get the weights of a checkpoint, without a wrapper's prefix.

    Args:
        checkpoint (Any): What was read from a file: tensors by name, or a
            dict that has them under ``state_dict``, as MMEngine and
            MMPretrain write it.
        name (str): The checkpoint's name in messages.

    Raises:
        ValueError: If it holds none.
    """
    state_dict = checkpoint
    if isinstance(checkpoint, dict) and 'state_dict' in checkpoint:
        state_dict = checkpoint['state_dict']
    if not isinstance(state_dict, dict) or not state_dict or not all(
            isinstance(key, str) and isinstance(tensor, Tensor)
            for key, tensor in state_dict.items()):
        found = (f'keys {sorted(map(str, checkpoint))[:MAX_KEYS]}'
                 if isinstance(checkpoint, dict) else
                 f'a {type(checkpoint).__name__}')
        raise ValueError(
            f'{name} holds no weights: expected tensors by name, or these '
            f'under "state_dict", but found {found}.')
    renamed = OrderedDict((re.sub(r'^module\.', '', key), tensor)
                          for key, tensor in state_dict.items())
    renamed._metadata = getattr(state_dict, '_metadata', OrderedDict())
    return renamed
