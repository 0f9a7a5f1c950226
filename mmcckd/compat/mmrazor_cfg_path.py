"""Make keys next to ``cfg_path`` override those of the file, in MMRazor.

MMRazor 1.0.0 builds ``dict(cfg_path='package::path', …)`` with MMEngine's
``hub.get_model``, which uses the other keys as defaults: a key that is also in
the file is ignored. MMRazor also imports ``package.utils``, which only the
packages of OpenMMLab have, so ``mmcckd::path`` and plain paths fail.

Can be deleted when MMEngine's ``hub.get_model`` merges its arguments into the
model of the file, and accepts plain paths.
"""
import functools
from typing import Any


def merge_keys_beside_cfg_path() -> None:
    """Make MMRazor use ``build_cfg_path`` for networks with ``cfg_path``."""
    from mmrazor.registry import MODELS
    build = MODELS.build_func
    if hasattr(build, '__wrapped__'):
        return

    @functools.wraps(build)
    def build_model(cfg: dict, *args, **kwargs) -> Any:
        # Imported here, since this patch is applied while mmcckd is imported.
        from mmcckd.config_files.cfg_path import build_cfg_path, has_cfg_path
        if has_cfg_path(cfg):
            return build_cfg_path(cfg)
        return build(cfg, *args, **kwargs)

    MODELS.build_func = build_model
