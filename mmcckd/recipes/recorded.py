"""Find out what a recorder records, by a forward pass of the network."""
from contextlib import contextmanager
from typing import Any, Callable, Iterable, Iterator, Optional, Tuple

import torch
from torch import Tensor, nn

from mmcckd.config_files.component_types import recorder_type
from mmcckd.models.kinds import is_3d, is_dense

# Large enough for all levels of usual pyramids.
DENSE_SIZE, CLASSIFIER_SIZE = 256, 224


def recorded(network: nn.Module, recorder: dict) -> Any:
    """Return what a recorder records first.

    Args:
        network (nn.Module): The student or the teacher. Of a detector or
            segmentor, only the backbone and the neck run.
        recorder (dict): Config of a recorder of inputs or outputs of a module
            that exists.

    Returns:
        Any: Features of two images, or None if the module was not called.
    """
    records = []
    of_inputs = recorder_type(recorder) == 'ModuleInputs'

    def hook(module, inputs, output):
        records.append(inputs if of_inputs else output)

    module = dict(network.named_modules())[recorder['source']]
    with _hooked([module], hook):
        run_on_blank_images(network)
    return records[0] if records else None


def classifier_recorder(network: nn.Module, part: Optional[str]) -> dict:
    """Return a recorder for a classifier without a neck.

    Args:
        network (nn.Module): The classifier.
        part (str, optional): The module whose output is recorded, if this is
            (n, d), and not already the logits. Otherwise, it is the input of
            the linear layer that runs last; without such a layer, the output
            of the module.

    Returns:
        dict: Config of a recorder.

    Raises:
        ValueError: If there is neither a module nor a linear layer.
    """
    names = {module: name for name, module in network.named_modules()}
    outputs, layers = {}, []

    def hook(module, inputs, output):
        outputs[names[module]] = output
        if isinstance(module, nn.Linear) and inputs[0].dim() == 2:
            layers.append(names[module])

    with _hooked(names, hook):
        logits = unwrapped(run_on_blank_images(network))
    feature = unwrapped(outputs.get(part))
    has_head = getattr(network, 'head', None) is not None
    is_feature = isinstance(feature, Tensor) and not (
        has_head and feature is logits)
    if is_feature and (feature.dim() == 2 or not layers):
        return dict(type='ModuleOutputs', source=part)
    if not layers:
        raise ValueError(
            f'The {type(network).__name__} has no neck, and no linear layer '
            'whose input could be compared. Set source to the name of a '
            'module.')
    return dict(type='ModuleInputs', source=layers[-1])


def unwrapped(data: Any) -> Any:
    """Return the element of a tuple or list of one, or other data itself."""
    while isinstance(data, (tuple, list)) and len(data) == 1:
        data = data[0]
    return data


@torch.no_grad()
def run_on_blank_images(network: nn.Module) -> Any:
    """Run a network in eval mode on two black images, and return its output.

    Of a detector or segmentor, these are its features. The random state is not
    changed.
    """
    channels = next((weight.shape[1] for weight in network.parameters()
                     if weight.dim() == 4), 3)
    images = torch.zeros(2, channels, *_image_size(network))
    network.eval()
    with torch.random.fork_rng(devices=[]):
        if is_dense(network):
            return network.extract_feat(
                dict(imgs=images) if is_3d(network) else images)
        return network(images, mode='tensor')


def _image_size(network: nn.Module) -> Tuple[int, int]:
    """The only size that some transformers accept, or a usual size."""
    if is_dense(network):
        return DENSE_SIZE, DENSE_SIZE
    # The names in MMPretrain and timm, and in transformers.
    size = next((getattr(module, name) for module in network.modules()
                 for name in ('img_size', 'image_size')
                 if hasattr(module, name)), CLASSIFIER_SIZE)
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


@contextmanager
def _hooked(modules: Iterable[nn.Module], hook: Callable) -> Iterator[None]:
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
