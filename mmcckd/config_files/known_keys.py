"""The entries of a config that runners and tools read."""
import inspect
from typing import Iterator, Tuple

from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner

RUNNER_KEYS = frozenset(
    name for runner in (Runner, FlexibleRunner)
    for name in inspect.signature(runner).parameters if name != 'cfg')
# Further keys that runners read during a run, and keys that the tools read.
KEYS = RUNNER_KEYS | {
    'activation_checkpointing', 'custom_imports', 'efficient_conv_bn_eval',
    'find_unused_parameters', 'init_weights_for_test_or_val',
    'model_wrapper_cfg', 'runner_type', 'sync_bn', 'tta_model', 'tta_pipeline'
}


def entries(cfg: Config) -> Iterator[Tuple[str, object]]:
    """Yield key and value of all entries that are read, outer ones first.

    Keys have the form ``model.head.num_classes``.
    """

    def below(path: str, value: object) -> Iterator[Tuple[str, object]]:
        yield path, value
        if isinstance(value, dict):
            items = value.items()
        elif isinstance(value, (list, tuple)):
            items = enumerate(value)
        else:
            return
        for key, part in items:
            yield from below(f'{path}.{key}', part)

    for key in cfg:
        if key in KEYS:  # others may be imports of a new-style config
            yield from below(key, cfg[key])
