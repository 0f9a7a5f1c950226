"""Format the text of a config once.

MMEngine writes the config of a run to the log, to two files and to the
checkpoints, and formats it with YAPF each time, which takes a quarter of a
second for a recipe. Here, the last text is kept.

Can be deleted when MMEngine formats a config once.
"""
import functools
from typing import Tuple

import mmengine.config.config as config
from yapf.yapflib import yapf_api


def format_configs_once() -> None:
    """Make ``Config.pretty_text`` return the last text if nothing changed."""
    # onedl-mmengine imports the function each time that it formats.
    module = config if hasattr(config, 'FormatCode') else yapf_api
    format_code = module.FormatCode
    if hasattr(format_code, '__wrapped__'):
        return
    last = None, None

    @functools.wraps(format_code)
    def format_code_once(text: str, **options) -> Tuple[str, bool]:
        nonlocal last
        key = text, repr(options)
        if key != last[0]:
            last = key, format_code(text, **options)
        return last[1]

    module.FormatCode = format_code_once
