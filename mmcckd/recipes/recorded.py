"""Find out what a recorder records, by a forward pass of the network."""
from typing import Any, Optional, Tuple

import torch
from torch import Tensor, nn

from .kinds import CLASSIFIER, kind_of

SIZE = {CLASSIFIER: 224}
# Enough for a map of 2 x 2 at the coarsest level of usual pyramids.
SIZE_OF_OTHERS = 256


def recorded(network: nn.Module, recorder: dict) -> Any:
    """Return what a recorder records in its first call.

    Args:
        network (nn.Module): The student or the teacher. Its loss is not
            computed; of a detector or segmentor, only the backbone and the
            neck run.
        recorder (dict): Config of a recorder of the type "ModuleOutputs" or
            "ModuleInputs", with the name of an existing module.

    Returns:
        Any: Features of two images, or None if the module was not called.
    """
    records = []
    module = dict(network.named_modules())[recorder['source']]

    def hook(module, inputs, output):
        records.append(inputs if recorder['type'] == 'ModuleInputs' else
                       output)

    with module.register_forward_hook(hook):
        run_on_blank_images(network)
    return records[0] if records else None


def classifier_input(network: nn.Module, part: Optional[str]) -> dict:
    """Return a recorder of the output of a part, or of the last layer's input.

    Args:
        network (nn.Module): A classifier without a neck.
        part (str, optional): The part whose output is preferred, if there is
            one. It is not used if its output contains no feature of a known
            form, or is already the logits.

    Returns:
        dict: Config of a recorder.

    Raises:
        ValueError: If the network has no linear layer.
    """
    records, linear = {}, []

    def hook(module, inputs, output):
        if isinstance(module, nn.Linear) and inputs[0].dim() == 2:
            linear.append(names[module])
        records[names[module]] = output

    names = {module: name for name, module in network.named_modules()}
    handles = [module.register_forward_hook(hook) for module in names]
    logits = run_on_blank_images(network)
    for handle in handles:
        handle.remove()
    if part is not None:
        feature = unwrapped(records.get(part))
        if isinstance(feature, Tensor) and feature is not unwrapped(logits):
            return dict(type='ModuleOutputs', source=part)
    if not linear:
        raise ValueError(
            f'The {type(network).__name__} has no neck, and no linear layer '
            'whose input could be compared. Set source.')
    return dict(type='ModuleInputs', source=linear[-1])


def unwrapped(data: Any) -> Any:
    """Return the element of a tuple or list of one, or else the data."""
    while isinstance(data, (tuple, list)) and len(data) == 1:
        data = data[0]
    return data


@torch.no_grad()
def run_on_blank_images(network: nn.Module) -> Any:
    """Run a network in eval mode on two black images, and return its output.

    The random state is not changed.
    """
    kind = kind_of(network)
    channels = next((weight.shape[1] for weight in network.parameters()
                     if weight.dim() == 4), 3)
    images = torch.zeros(2, channels, *_image_size(network, kind))
    network.eval()
    with torch.random.fork_rng(devices=[]):
        if kind == CLASSIFIER:
            return network(images, mode='tensor')
        return network.extract_feat(images)


def _image_size(network: nn.Module, kind: str) -> Tuple[int, int]:
    """The only size that some transformers accept, or a usual size."""
    size = SIZE_OF_OTHERS
    if kind == CLASSIFIER:
        sizes = [module.img_size for module in network.modules()
                 if hasattr(module, 'img_size')]
        size = sizes[0] if sizes else SIZE[kind]
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)
