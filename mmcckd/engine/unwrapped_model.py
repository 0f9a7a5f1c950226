from mmengine.model import is_model_wrapper
from torch import nn


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model within wrappers such as DDP, or the model itself."""
    while is_model_wrapper(model):
        model = model.module
    return model
