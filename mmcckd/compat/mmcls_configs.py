"""Let configs that name ``mmcls`` load and build with MMPretrain.

MMRazor's classification recipes, and those that people wrote after them,
inherit ``mmcls::path``, build in ``_scope_='mmcls'`` or the default scope of
that name, and name ``mmcls.X``. MMEngine 0.10.7 looks for a package and for
registries of that name. A second name for the registries would not do: it
compares a scope with a registry's own, and looks in the parents, not in the
siblings. So the scope is renamed where it enters: in ``DefaultScope``, which
serves ``_scope_`` too, and where a scope is split from a type. The paths are
where the hub and ``_base_`` take the package from them. The configs stay as
they were written.

Can be deleted when MMRazor's recipes name mmpretrain.
"""
import re
from typing import Optional, Tuple

from mmengine.config import config
from mmengine.hub import hub
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope, Registry
from mmpretrain.datasets import PackInputs
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.registry import TRANSFORMS, VISUALIZERS
from mmpretrain.visualization import UniversalVisualizer

from .mmcls_import import NEW, OLD

# vit-base-p16_ft-64xb64_in1k-384.py is now vit-base-p16_64xb64_in1k-384px.py
RENAMED_FILES = (
    (r'^(deit|vision_transformer)/(.*)_[fp]t-', r'\1/\2_'),
    (r'^(vision_transformer/.*)-224\.py$', r'\1.py'),
    (r'^(vision_transformer/.*)-384\.py$', r'\1-384px.py'),
    (r'_cub_384px\.py$', '_cub-384px.py'),
)

REGISTERED = (
    (TRANSFORMS, 'PackClsInputs', PackInputs),
    (VISUALIZERS, 'ClsVisualizer', UniversalVisualizer),
    # A classifier asks for it in the scope that it is built in, which is
    # MMRazor's for type='mmcls.ImageClassifier'. mmcls's asked for mmcls.X.
    (ROOT_MODELS, 'ClsDataPreprocessor', ClsDataPreprocessor),
)


def accept_mmcls_in_configs() -> None:
    """Take ``mmcls`` for MMPretrain in paths, scopes and types."""
    if hasattr(DefaultScope, '_knows_mmcls'):
        return
    DefaultScope._knows_mmcls = True
    _rename_paths()
    _rename_scopes()
    for registry, name, module in REGISTERED:
        if name not in registry.module_dict:
            registry.register_module(name, module=module)


def _rename_paths() -> None:
    split = config._get_package_and_cfg_path

    def get_package_and_cfg_path(cfg_path: str) -> Tuple[str, str]:
        package, separator, path = cfg_path.partition('::')
        if package == OLD:
            for pattern, new in RENAMED_FILES:
                path = re.sub(pattern, new, path)
            cfg_path = NEW + separator + path
        return split(cfg_path)

    for module in (config, hub):  # each has a name of its own for it
        module._get_package_and_cfg_path = get_package_and_cfg_path


def _rename_scopes() -> None:
    init = DefaultScope.__init__
    split = Registry.split_scope_key

    def init_with_new_name(self, name: str, scope_name: str) -> None:
        init(self, name, NEW if scope_name == OLD else scope_name)

    def split_scope_key(key: str) -> Tuple[Optional[str], str]:
        scope, name = split(key)
        return NEW if scope == OLD else scope, name

    DefaultScope.__init__ = init_with_new_name
    Registry.split_scope_key = staticmethod(split_scope_key)
