"""Find out where to record features and logits in MMPretrain's classifiers."""
from contextlib import contextmanager
from typing import Dict, NamedTuple, Optional

import torch
from mmengine.config import Config, ConfigDict
from torch import nn
from torch.overrides import TorchFunctionMode

import mmcckd  # noqa: F401  (first, it makes mmrazor importable)
from mmcckd.config_files.component_types import bare_type
from mmcckd.config_files.without_weights import without_weights
from mmcckd.functional.flatten_features import flatten_features

from mmrazor.registry import MODELS  # isort: skip


class Source(NamedTuple):
    """The source of features or logits for a recorder."""
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
    """Properties of a classifier that a forward pass shows."""
    device: str  # on which it can be built, "meta" or else "cpu"
    parameters: int
    size: tuple  # of an image: channels, height, width
    feature: Source
    logits: Optional[Source]
    num_classes: int


def find_facts(cfg: Config) -> Facts:
    """Find the facts on the meta device if possible, or else on the CPU."""
    try:
        return find_facts_on(cfg, 'meta')
    except (NotImplementedError, RuntimeError) as error:
        if 'meta' not in str(error):
            raise
        return find_facts_on(cfg, 'cpu')


def find_facts_on(cfg: Config, device: str) -> Facts:
    """Build a classifier, and run a forward pass with two images.

    Args:
        cfg (Config): A classifier config of MMPretrain.
        device (str): The device; on "meta", nothing is computed.
    """
    with on(device):
        model = MODELS.build(network_of(cfg)).eval()
    channels = len((cfg.get('data_preprocessor') or {}).get('mean', 'rgb'))
    size = (channels, *_image_size(cfg, model))
    records = _record(model)
    with on(device), torch.no_grad():
        model(torch.zeros(2, *size), mode='tensor')
    logits, num_classes = None, 10  # any number, if there is no head
    if model.with_head:
        logits = _find_logits(model, records)
        output = records[logits.name][1]
        num_classes = _select(output, logits.data_idx).shape[1]
    return Facts(
        device, sum(weight.numel() for weight in model.parameters()), size,
        _find_feature(model, records, logits), logits, num_classes)


def _record(model: nn.Module) -> Dict[str, tuple]:
    """Record inputs and output of each module when it is called."""
    records = {}

    def recording(name):

        def hook(module, inputs, output):
            records[name] = inputs, output

        return hook

    for name, module in model.named_modules():
        module.register_forward_hook(recording(name))
    return records


def _find_logits(model: nn.Module, records: Dict[str, tuple]) -> Source:
    """Find the layer that outputs the logits of the head, or use the head."""
    output = records['head'][1]
    index = None
    if isinstance(output, (tuple, list)):  # of several classifiers
        index = len(output) - 1
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name in records and (
                records[name][1] is _select(output, index)):
            return Source(name)
    return Source('head', data_idx=index)


def _find_feature(model: nn.Module, records: Dict[str, tuple],
                  logits: Optional[Source]) -> Source:
    """Find the input of the head in a form that kernel connectors support."""
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
        data = records[name][type == 'ModuleOutputs']
        indices = [None]
        if isinstance(data, (tuple, list)):
            indices.append(len(data) - 1)
        for index in indices:
            try:
                flatten_features(_select(data, index), 'A kernel connector')
            except (TypeError, ValueError):
                continue
            return Source(name, type, index)
    raise ValueError('No feature that a kernel connector supports was found.')


def _select(data, index: Optional[int]):
    return data if index is None else data[index]


def _image_size(cfg: Config, model: nn.Module) -> tuple:
    """Return height and width after the test pipeline, or of the backbone."""
    size = None
    loader = cfg.get('test_dataloader') or cfg.get('train_dataloader') or {}
    dataset = loader.get('dataset', {})
    for transform in dataset.get('pipeline', []):
        size = transform.get('crop_size', transform.get('scale', size))
    if size is None and bare_type(dataset).startswith('CIFAR'):
        size = 32
    if size is None:
        size = cfg.model.backbone.get(
            'img_size', getattr(model.backbone, 'img_size', 224))
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


def network_of(cfg: Config) -> ConfigDict:
    """Return the config of the classifier without pretrained weights."""
    network = without_weights(cfg.model)
    remove_pretrained_init(network)
    network['_scope_'] = 'mmpretrain'
    return network


def remove_pretrained_init(cfg: dict) -> None:
    """Remove ``type='Pretrained'`` from all ``init_cfg`` of a config."""
    for key, value in cfg.items():
        if isinstance(value, dict):
            remove_pretrained_init(value)
            if value.get('type') == 'Pretrained':
                cfg[key] = None


@contextmanager
def on(device: str):
    """Set the default device for networks and tensors in this context."""
    with torch.device(device), ValuesOnCPU():
        yield


class ValuesOnCPU(TorchFunctionMode):
    """Create tensors of given values on the CPU, not on the meta device.

    Networks read the rates of stochastic depth from such tensors, and data
    preprocessors are compared by their means.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.linspace, torch.tensor):
            kwargs = dict(dict(device='cpu'), **kwargs)
        return func(*args, **kwargs)
