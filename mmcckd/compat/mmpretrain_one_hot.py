"""One-hot labels without waiting for a GPU.

``LabelSmoothLoss`` and other losses of MMPretrain compare the largest label of
each batch with the number of classes. On a GPU, the CPU waits for the forward
pass to read it. Here, labels on a GPU are not compared. In a run,
:class:`.ClassCheckHook` checks them while they are on the CPU.

Can be deleted when MMPretrain's ``convert_to_one_hot`` does not read labels.
"""
import functools
from importlib import import_module

from mmpretrain.models.losses import utils
from torch import Tensor
from torch.nn import functional as F

# Modules of mmpretrain.models that have the function.
USERS = ('heads.margin_head', 'losses', 'losses.asymmetric_loss',
         'losses.focal_loss', 'losses.label_smooth_loss', 'losses.utils')


def convert_labels_without_waiting() -> None:
    """Replace ``convert_to_one_hot`` where MMPretrain uses it."""
    original = utils.convert_to_one_hot
    if hasattr(original, '__wrapped__'):
        return

    @functools.wraps(original)
    def convert_to_one_hot(targets: Tensor, classes: int) -> Tensor:
        if targets.device.type != 'cuda':
            return original(targets, classes)
        return F.one_hot(targets.long().squeeze(-1), num_classes=classes)

    for name in USERS:
        module = import_module(f'mmpretrain.models.{name}')
        module.convert_to_one_hot = convert_to_one_hot
