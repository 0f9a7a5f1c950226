"""Refuse versions that the plugin was not made for.

Upstream is frozen and its parts refuse one another with bare asserts; here the
error comes first, and says what to install. Can be deleted when pip alone can
be trusted to have resolved ``setup.py``'s requirements.
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
        version_of (Callable): Maps a distribution's name to its version, or
            raises ``PackageNotFoundError``. Defaults to the installed ones.
        python (str): Python's version. Defaults to the running one.

    Raises:
        ImportError: If a package is missing or out of range. The message names
            the package, the version found and the range.
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
    # A vendor's or nightly build, 2.4.0a0+git1234, is a version like others.
    if not SpecifierSet(supported).contains(version, prereleases=True):
        raise ImportError(f'mmcckd needs {name} {supported}, but found {name} '
                          f'{version}; install a version within the range.')
