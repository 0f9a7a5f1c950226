"""Let keys beside ``cfg_path`` override those of the file, in MMRazor.

MMRazor 1.0.0 builds ``dict(cfg_path='package::path', …)`` by MMEngine's
``hub.get_model``, to which the other keys are defaults: those that the file
has too are passed over. And it imports ``package.utils``, which only packages
of OpenMMLab have, so ``mmcckd::path`` and a plain path fail.

Can be deleted when MMEngine's ``hub.get_model`` merges its arguments into the
file's model, and takes plain paths.
"""
import functools
from typing import Any


def merge_keys_beside_cfg_path() -> None:
    """Make MMRazor build networks with ``cfg_path`` by mmcckd."""
    from mmrazor.registry import MODELS
    build = MODELS.build_func
    if hasattr(build, '__wrapped__'):
        return

    @functools.wraps(build)
    def build_model(cfg: dict, *args, **kwargs) -> Any:
        # late, since mmcckd is still being imported when this is installed
        from mmcckd.config_files.cfg_path import build_cfg_path, has_cfg_path
        if has_cfg_path(cfg):
            return build_cfg_path(cfg)
        return build(cfg, *args, **kwargs)

    MODELS.build_func = build_model
