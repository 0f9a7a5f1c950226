"""Load configs that name ``mmcls``, and build them with MMPretrain.

MMRazor's classification recipes, and recipes that users derived from them,
inherit from ``mmcls::path``, set ``_scope_='mmcls'`` or
``default_scope='mmcls'``, and name types such as ``mmcls.X``. MMEngine 0.10.7
looks for a package and for registries of that name.

An alias of the registries is not sufficient: MMEngine compares the scope with
the scope of the registry itself, and searches parent registries, but not
sibling registries. Therefore, scopes are renamed in ``DefaultScope``, which
also handles ``_scope_``, and where a scope is split from a type. Paths are
renamed where the hub and ``_base_`` read the package name from them. The
configs themselves are not changed.

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
    # A classifier looks it up in the scope in which it is built, which is
    # MMRazor's for type='mmcls.ImageClassifier'. The classifiers of mmcls
    # looked up mmcls.X.
    (ROOT_MODELS, 'ClsDataPreprocessor', ClsDataPreprocessor),
)


def accept_mmcls_in_configs() -> None:
    """Read ``mmcls`` as ``mmpretrain`` in paths, scopes and types."""
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

    for module in (config, hub):  # both have imported the function by name
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
