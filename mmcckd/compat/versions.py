"""Refuse unsupported versions of Python and of other packages.

OpenMMLab's packages check each other's versions with bare assertions. This
check runs before them, and its error says what to install.

A module can come from several distributions: mmcv and mmcv-lite, and OneDL's
continuations of OpenMMLab's packages, which have the same modules. Two of them
write the same files, so that the one that was installed last is imported,
with what is left of the other.

Can be deleted when pip alone ensures the requirements in ``setup.py``.
"""
import platform
from importlib import metadata
from typing import Callable, Dict

from packaging.specifiers import SpecifierSet

# name -> distribution that provides it -> accepted versions. The first one is
# recommended if none is installed.
SUPPORTED = {
    'torch': {'torch': '>=2.1,<3'},
    'torchvision': {'torchvision': '>=0.16'},
    'mmengine': {
        'mmengine': '>=0.10.7,<0.11',
        'onedl-mmengine': '>=0.10.12,<0.11',
    },
    'mmcv': {
        'mmcv-lite': '>=2.1.0,<2.3',
        'mmcv': '>=2.1.0,<2.3',
        'onedl-mmcv': '>=2.3.6,<2.4',
    },
    'mmpretrain': {
        'mmpretrain': '>=1.2.0,<1.3',
        'onedl-mmpretrain': '>=1.3.6,<1.4',
    },
    'mmrazor': {'mmrazor': '>=1.0.0,<1.1'},
    'scikit-learn': {'scikit-learn': '>=1.2'},
}
SUPPORTED_PYTHON = '>=3.10,<3.13'

VersionOf = Callable[[str], str]


def check_versions(version_of: VersionOf = metadata.version,
                   python: str = platform.python_version()) -> None:
    """Raise unless Python and every package are within the supported range.

    Args:
        version_of (Callable): Maps the name of a distribution to its version,
            or raises ``PackageNotFoundError``. Defaults to
            ``importlib.metadata.version``.
        python (str): Version of Python. Defaults to the running one.

    Raises:
        ImportError: If Python or a package is out of range, if a package is
            missing, or if several distributions with different versions
            provide it. The message names the distributions, the versions
            found and the supported range.
    """
    _check('Python', python, SUPPORTED_PYTHON)
    for name in SUPPORTED:
        _check_package(name, version_of)


def is_supported(name: str) -> bool:
    """Whether the installed version of a package in ``SUPPORTED`` is."""
    try:
        _check_package(name, metadata.version)
    except ImportError:
        return False
    return True


def _check_package(name: str, version_of: VersionOf) -> None:
    found = _installed(name, version_of)
    if not found:
        distribution, supported = next(iter(SUPPORTED[name].items()))
        raise ImportError(
            f'mmcckd needs {name} {supported}, but it is not installed; '
            f'run: pip install "{distribution}{supported}"')
    if len(set(found.values())) > 1:
        both = ' and '.join(f'{d} {v}' for d, v in found.items())
        raise ImportError(
            f'{both} are both installed, and both write the files of the '
            f'package {name}, so that they are mixed up. Run: pip uninstall '
            f'-y {" ".join(found)}, and then install one of them.')
    for distribution, version in found.items():
        _check(distribution, version, SUPPORTED[name][distribution])


def _installed(name: str, version_of: VersionOf) -> Dict[str, str]:
    """The distributions that provide a package, with their versions."""
    found = {}
    for distribution in SUPPORTED[name]:
        try:
            found[distribution] = version_of(distribution)
        except metadata.PackageNotFoundError:
            continue
    return found


def _check(name: str, version: str, supported: str) -> None:
    # Vendor and nightly builds, such as 2.4.0a0+git1234, are accepted too.
    if not SpecifierSet(supported).contains(version, prereleases=True):
        raise ImportError(f'mmcckd needs {name} {supported}, but found {name} '
                          f'{version}; install a version in this range.')
