"""Accept classes as types in ``init_cfg``.

Networks compare ``init_cfg['type']`` with 'Pretrained'. MMPretrain's ResNet,
for example, sets the last normalization of each block to zero unless its
weights are loaded. With the class ``PretrainedInit`` as type, as in a
new-style config, or with its path, this would change loaded weights.

Can be deleted when MMEngine's ``BaseModule`` keeps the names of initializers,
or its networks compare classes.
"""
import functools
from typing import Any

from mmengine.model import BaseModule
from mmengine.registry import WEIGHT_INITIALIZERS


def name_initializers() -> None:
    """Make ``BaseModule`` replace types in ``init_cfg`` by their names."""
    init = BaseModule.__init__
    if hasattr(init, '__wrapped__'):
        return

    @functools.wraps(init)
    def init_with_names(self, init_cfg: Any = None) -> None:
        init(self, init_cfg)  # copies the config
        configs = self.init_cfg
        for cfg in configs if isinstance(configs, list) else [configs]:
            if isinstance(cfg, dict):
                _replace_type(cfg)

    BaseModule.__init__ = init_with_names


def _replace_type(cfg: dict) -> None:
    kind = cfg.get('type')
    if isinstance(kind, str) and '.' in kind:
        kind = WEIGHT_INITIALIZERS.get(kind)
    for name, initializer in WEIGHT_INITIALIZERS.module_dict.items():
        if kind is initializer:
            cfg['type'] = name
    override = cfg.get('override')
    for part in override if isinstance(override, list) else [override]:
        if isinstance(part, dict):
            _replace_type(part)
