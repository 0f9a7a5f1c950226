"""Importing this module checks the versions and applies the workarounds.

Python imports a module once, and other threads wait for it.
"""
from .versions import check_versions  # isort: skip

check_versions()  # before anything that needs the packages

from .upstream import patch_upstream  # noqa: E402

patch_upstream()
