"""Make MMEngine find ``mmcckd::path`` configs.

MMEngine 0.10.7 has a fixed list of OpenMMLab's packages. It looks for a
package next to its metadata, which is the wrong folder if a clone was
installed with ``pip install -e``. It also uses the name of the package as the
scope of its configs, but mmcckd has no registries: its components are
registered in those of MMEngine, MMPretrain and MMRazor.

Can be deleted when MMEngine accepts any package, finds it as Python's import
does, and leaves the scope to the configs.
"""
from pathlib import Path
from typing import Optional, Tuple

from mmengine.config import Config, config, utils
from mmengine.hub import hub

PACKAGE = Path(__file__).parent.parent


def find_mmcckd_configs() -> None:
    """Make ``mmcckd::path`` work in ``_base_`` and ``mmengine.hub``."""
    if PACKAGE.name in utils.MODULE2PACKAGE:
        return
    utils.MODULE2PACKAGE[PACKAGE.name] = PACKAGE.name
    find_package = config.get_installed_path
    find_base = Config._get_cfg_path

    def get_installed_path(package: str) -> str:
        if package == PACKAGE.name:
            return str(PACKAGE)
        return find_package(package)

    def get_cfg_path(cfg_path: str, filename: str
                     ) -> Tuple[str, Optional[str]]:
        path, scope = find_base(cfg_path, filename)
        return path, None if scope == PACKAGE.name else scope

    for module in (config, hub):  # both have imported the function by name
        module.get_installed_path = get_installed_path
    Config._get_cfg_path = staticmethod(get_cfg_path)
