"""Check that the package of a config is installed."""
from importlib.util import find_spec

from mmengine.hub import hub
from mmengine.utils import is_installed

NEEDS_FULL_MMCV = ('mmdet', 'mmdet3d', 'mmsegmentation')


def check_installed(cfg_path: str) -> None:
    """Raise an error if the package of ``package::path`` is not installed.

    Otherwise, MMEngine would install it with pip during the run.

    Args:
        cfg_path (str): ``package::path``. A plain path is not checked.

    Raises:
        ModuleNotFoundError: If the package is not installed, or mmcv has no
            operators and the package needs them.
    """
    if '::' not in cfg_path:
        return
    package, _ = hub._get_package_and_cfg_path(cfg_path)
    if not is_installed(package):
        hint = ''
        if package in NEEDS_FULL_MMCV:
            hint = (f'. {package} also needs the full mmcv instead of '
                    'mmcv-lite; bash tools/setup_env.sh --full makes an '
                    'environment with both')
        raise ModuleNotFoundError(
            f'{cfg_path} is a config of {package}, which is not installed; '
            f'install it with: pip install {package}{hint}')
    if package in NEEDS_FULL_MMCV and find_spec('mmcv._ext') is None:
        raise ModuleNotFoundError(
            f'{cfg_path} is a config of {package}, which needs the compiled '
            'operators of the full mmcv, but mmcv-lite is installed. Build '
            'the full mmcv for your version of PyTorch and install it '
            'instead; bash tools/setup_env.sh --full makes an environment '
            'with both.')
