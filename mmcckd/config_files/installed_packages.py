"""Whether the package that brings a config is installed."""
from mmengine.hub import hub
from mmengine.utils import is_installed


def check_installed(cfg_path: str) -> None:
    """Raise unless the package of ``package::path`` is there.

    MMEngine would install it by pip, in the middle of a run.

    Args:
        cfg_path (str): ``package::path``; of a plain path nothing is asked.

    Raises:
        ModuleNotFoundError: If it is not installed.
    """
    if '::' not in cfg_path:
        return
    package, _ = hub._get_package_and_cfg_path(cfg_path)
    if not is_installed(package):
        raise ModuleNotFoundError(
            f'{cfg_path} is of {package}, which is not installed; '
            f'install it: pip install {package}')
