"""Make MMEngine find ``mmcckd::path`` configs.

MMEngine 0.10.7 has a fixed list of OpenMMLab's packages. It looks for a
package next to its metadata, which is the wrong folder if a clone was
installed with ``pip install -e``. It also uses the name of the package as the
scope of its configs, but mmcckd has no registries: its components are
registered in those of MMEngine, MMPretrain and MMRazor.

New-style configs are in ``mmcckd/configs``, where ``read_base`` finds them as
``mmcckd.configs``. ``mmcckd::configs/path`` names them.

Can be deleted when MMEngine accepts any package, finds it as Python's import
does, leaves the scope to the configs, and finds new-style configs by
``package::path``.
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
    find_config = hub._get_external_cfg_base_path

    def get_installed_path(package: str) -> str:
        if package == PACKAGE.name:
            return str(PACKAGE)
        return find_package(package)

    def get_cfg_path(cfg_path: str, filename: str
                     ) -> Tuple[str, Optional[str]]:
        path, scope = find_base(cfg_path, filename)
        return path, None if scope == PACKAGE.name else scope

    def get_config_path(package_path: str, cfg_name: str) -> str:
        path = PACKAGE / cfg_name
        is_new_style = cfg_name.startswith('configs/') and path.is_file()
        if package_path == str(PACKAGE) and is_new_style:
            return str(path)
        return find_config(package_path, cfg_name)

    for module in (config, hub):  # both have imported the functions by name
        module.get_installed_path = get_installed_path
        module._get_external_cfg_base_path = get_config_path
    Config._get_cfg_path = staticmethod(get_cfg_path)
