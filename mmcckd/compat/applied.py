"""Importing this module checks the versions and applies the workarounds.

Once, as a module is imported once; another thread that imports it waits.
"""
from .versions import check_versions  # isort: skip

check_versions()  # before anything that needs the packages

from .upstream import patch_upstream  # noqa: E402

patch_upstream()
