"""Make MMRazor 1.0.0 importable on torch >= 2.0.

At import, MMRazor builds quantization tables from private names of torch 1.13
that torch 2.0 renamed, and ``import mmrazor.models`` fails with "`torch>=1.13`
is not installed properly". For older versions of torch, MMRazor uses
placeholders for quantization. Here, it does the same for torch >= 2.0. Only
quantization is not available, and it does not run with these versions anyway.

Can be deleted when MMRazor releases a version for torch >= 2.
"""
import importlib
import sys

import torch
from mmengine.utils import digit_version

from .mmrazor_lazy_imports import imported_lazily


def import_mmrazor() -> None:
    """Import ``mmrazor`` with its models, engine and structures."""
    mmrazor = importlib.import_module('mmrazor')
    needs_help = digit_version(torch.__version__) >= digit_version('2.0.0')
    if 'mmrazor.models' in sys.modules or not needs_help:
        return

    def digit_version_before_quantization(version: str, *args, **kwargs):
        if version == torch.__version__:
            version = '1.12.1'
        return digit_version(version, *args, **kwargs)

    original = mmrazor.digit_version
    mmrazor.digit_version = digit_version_before_quantization
    try:
        with imported_lazily():
            for name in ('structures', 'models', 'engine'):
                importlib.import_module(f'mmrazor.{name}')
        # Restore the function in modules that have imported it by name.
        for name, module in list(sys.modules.items()):
            if (name.startswith('mmrazor.') and getattr(
                    module, 'digit_version',
                    None) is digit_version_before_quantization):
                module.digit_version = original
    finally:
        mmrazor.digit_version = original
