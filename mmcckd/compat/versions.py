"""Refuse unsupported versions of Python and of other packages.

OpenMMLab's packages check each other's versions with bare assertions. This
check runs before them, and its error says what to install.

Can be deleted when pip alone ensures the requirements in ``setup.py``.
"""
import platform
from importlib import metadata
from typing import Callable

from packaging.specifiers import SpecifierSet

# name -> (distributions that provide it, accepted versions)
SUPPORTED = {
    'torch': (('torch', ), '>=2.1,<3'),
    'torchvision': (('torchvision', ), '>=0.16'),
    'mmengine': (('mmengine', ), '>=0.10.7,<0.11'),
    'mmcv': (('mmcv', 'mmcv-lite'), '==2.1.0'),
    'mmpretrain': (('mmpretrain', ), '>=1.2.0,<1.3'),
    'mmrazor': (('mmrazor', ), '>=1.0.0,<1.1'),
    'scikit-learn': (('scikit-learn', ), '>=1.2'),
}
SUPPORTED_PYTHON = '>=3.10,<3.13'


def check_versions(version_of: Callable[[str], str] = metadata.version,
                   python: str = platform.python_version()) -> None:
    """Raise unless Python and every package are within the supported range.

    Args:
        version_of (Callable): Maps the name of a distribution to its version,
            or raises ``PackageNotFoundError``. Defaults to
            ``importlib.metadata.version``.
        python (str): Version of Python. Defaults to the running one.

    Raises:
        ImportError: If Python or a package is out of range, or a package is
            missing. The message names the package, the version found and the
            supported range.
    """
    _check('Python', python, SUPPORTED_PYTHON)
    for name, (distributions, supported) in SUPPORTED.items():
        found = {}
        for distribution in distributions:
            try:
                found[distribution] = version_of(distribution)
            except metadata.PackageNotFoundError:
                continue
        if not found:
            raise ImportError(
                f'mmcckd needs {name} {supported}, but it is not installed; '
                f'run: pip install "{distributions[-1]}{supported}"')
        for distribution, version in found.items():
            _check(distribution, version, supported)


def _check(name: str, version: str, supported: str) -> None:
    # Vendor and nightly builds, such as 2.4.0a0+git1234, are accepted too.
    if not SpecifierSet(supported).contains(version, prereleases=True):
        raise ImportError(f'mmcckd needs {name} {supported}, but found {name} '
                          f'{version}; install a version in this range.')
