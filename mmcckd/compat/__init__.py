"""Upstream's version troubles, one a file; each says when it can go."""
from .mmengine_checkpoints import allow_mmengine_checkpoints
from .mmrazor_import import import_mmrazor
from .versions import check_versions

__all__ = ['allow_mmengine_checkpoints', 'check_versions', 'import_mmrazor']
