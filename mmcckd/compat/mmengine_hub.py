"""Let MMEngine find ``mmcckd::path`` configs.

MMEngine 0.10.7 knows a fixed list of OpenMMLab's packages. It looks for a
package where its metadata is installed, which is elsewhere than the package
when pip installed a clone by ``-e``. And it takes a package's name for the
scope of its configs, but mmcckd has no registries of its own: its components
are in those of their hosts.

Can be deleted when MMEngine takes any package, asks Python where it is, and
leaves the scope to the configs.
"""
from pathlib import Path
from typing import Optional, Tuple

from mmengine.config import Config, config, utils
from mmengine.hub import hub

PACKAGE = Path(__file__).parent.parent


def find_mmcckd_configs() -> None:
    """Make ``mmcckd::path`` known to ``_base_`` and ``mmengine.hub``."""
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

    for module in (config, hub):  # each has a name of its own for it
        module.get_installed_path = get_installed_path
    Config._get_cfg_path = staticmethod(get_cfg_path)
