"""Check that the package of a config is installed."""
from mmengine.hub import hub
from mmengine.utils import is_installed


def check_installed(cfg_path: str) -> None:
    """Raise an error if the package of ``package::path`` is not installed.

    Otherwise, MMEngine would install it with pip during the run.

    Args:
        cfg_path (str): ``package::path``. A plain path is not checked.

    Raises:
        ModuleNotFoundError: If the package is not installed.
    """
    if '::' not in cfg_path:
        return
    package, _ = hub._get_package_and_cfg_path(cfg_path)
    if not is_installed(package):
        raise ModuleNotFoundError(
            f'{cfg_path} is a config of {package}, which is not installed; '
            f'install it with: pip install {package}')
