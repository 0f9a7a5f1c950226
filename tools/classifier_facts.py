"""What a forward pass shows of MMPretrain's classifiers: where to listen."""
from contextlib import contextmanager
from typing import Dict, NamedTuple, Optional

import torch
from check_mmrazor_recipes import forget_pretraining
from mmengine.config import Config, ConfigDict
from mmrazor.registry import MODELS
from torch import nn
from torch.overrides import TorchFunctionMode

from mmcckd.config_files.without_weights import without_weights
from mmcckd.models.connectors.flatten_features import flatten_features


class Source(NamedTuple):
    """Where a recorder finds a feature or the logits."""
    name: str
    type: str = 'ModuleOutputs'
    data_idx: Optional[int] = None

    def recorder(self) -> dict:
        return dict(type=self.type, source=self.name)

    def __str__(self) -> str:
        index = '' if self.data_idx is None else f'[{self.data_idx}]'
        inputs = ' (its input)' if self.type == 'ModuleInputs' else ''
        return f'`{self.name}{index}`{inputs}'


class Facts(NamedTuple):
    """What a forward pass shows of a network."""
    device: str  # where it can be built: meta, or else cpu
    parameters: int
    size: tuple  # of an image: channels, height, width
    feature: Source
    logits: Optional[Source]
    num_classes: int


def look(cfg: Config) -> Facts:
    """On the meta device if that can be, else on the CPU."""
    try:
        return look_at(cfg, 'meta')
    except (NotImplementedError, RuntimeError) as error:
        if 'meta' not in str(error):
            raise
        return look_at(cfg, 'cpu')


def look_at(cfg: Config, device: str) -> Facts:
    """Build a classifier and show it two images.

    Args:
        cfg (Config): A config of MMPretrain's.
        device (str): Where to; "meta" computes nothing.
    """
    with on(device):
        model = MODELS.build(network_of(cfg)).eval()
    channels = len((cfg.get('data_preprocessor') or {}).get('mean', 'rgb'))
    size = (channels, *_image_size(cfg, model))
    heard = _listen(model)
    with on(device), torch.no_grad():
        model(torch.zeros(2, *size), mode='tensor')
    logits, num_classes = None, 10  # of no consequence without a head
    if model.with_head:
        logits = _find_logits(model, heard)
        num_classes = _select(heard[logits.name][1], logits.data_idx).shape[1]
    return Facts(
        device, sum(weight.numel() for weight in model.parameters()), size,
        _find_feature(model, heard, logits), logits, num_classes)


def _listen(model: nn.Module) -> Dict[str, tuple]:
    """Inputs and output of each module, once it is called."""
    heard = {}

    def remember(name):

        def hook(module, inputs, output):
            heard[name] = inputs, output

        return hook

    for name, module in model.named_modules():
        module.register_forward_hook(remember(name))
    return heard


def _find_logits(model: nn.Module, heard: Dict[str, tuple]) -> Source:
    """The layer whose output is what the head gives, or else the head."""
    output = heard['head'][1]
    index = None
    if isinstance(output, (tuple, list)):  # of several classifiers
        index = len(output) - 1
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name in heard and (
                heard[name][1] is _select(output, index)):
            return Source(name)
    return Source('head', data_idx=index)


def _find_feature(model: nn.Module, heard: Dict[str, tuple],
                  logits: Optional[Source]) -> Source:
    """What the head is given, in a form that a kernel connector takes."""
    layer = '' if logits is None else logits.name
    candidates = []
    if model.with_neck:
        candidates.append(('neck', 'ModuleOutputs'))
    elif not layer.startswith('backbone.'):
        candidates.append(('backbone', 'ModuleOutputs'))
    candidates += [(name, 'ModuleInputs')
                   for name, module in model.named_modules()
                   if isinstance(module, nn.Linear) and
                   (name.startswith('head.') or name == layer)]
    for name, type in candidates:
        data = heard[name][type == 'ModuleOutputs']
        indices = [None]
        if isinstance(data, (tuple, list)):
            indices.append(len(data) - 1)
        for index in indices:
            try:
                flatten_features(_select(data, index), 'A kernel connector')
            except (TypeError, ValueError):
                continue
            return Source(name, type, index)
    raise ValueError('No feature was found that a kernel connector takes.')


def _select(data, index: Optional[int]):
    return data if index is None else data[index]


def _image_size(cfg: Config, model: nn.Module) -> tuple:
    """Height and width that the test pipeline gives, or the backbone asks."""
    size = None
    loader = cfg.get('test_dataloader') or cfg.get('train_dataloader') or {}
    dataset = loader.get('dataset', {})
    for transform in dataset.get('pipeline', []):
        size = transform.get('crop_size', transform.get('scale', size))
    if size is None and dataset.get('type', '').startswith('CIFAR'):
        size = 32
    if size is None:
        size = cfg.model.backbone.get(
            'img_size', getattr(model.backbone, 'img_size', 224))
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


def network_of(cfg: Config) -> ConfigDict:
    """The classifier, without any weights to download."""
    network = without_weights(cfg.model)
    forget_pretraining(network)
    network['_scope_'] = 'mmpretrain'
    return network


@contextmanager
def on(device: str):
    """Where networks are built, and tensors made."""
    with torch.device(device), NumbersOffMeta():
        yield


class NumbersOffMeta(TorchFunctionMode):
    """Beside ``torch.device('meta')``: tensors of given numbers keep them.

    Networks read the rates of their stochastic depth from such tensors, and
    data preprocessors are compared by their means.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.linspace, torch.tensor):
            kwargs = dict(dict(device='cpu'), **kwargs)
        return func(*args, **kwargs)
