"""Accept classes as types in the configs of MMRazor's channel mutators.

MMRazor 1.0.0 looks up the type of ``channel_unit_cfg`` as a name, and compares
that of ``parse_cfg`` with names, so the classes of a new-style config raise
errors.

Can be deleted when MMRazor's ``ChannelMutator`` accepts classes.
"""
import functools
import inspect
from typing import Any

from mmrazor.models.mutators import ChannelMutator


def accept_channel_unit_classes() -> None:
    """Make ``ChannelMutator`` replace classes in its configs by names."""
    init = ChannelMutator.__init__
    if hasattr(init, '__wrapped__'):
        return
    signature = inspect.signature(init)

    @functools.wraps(init)
    def init_with_names(self, *args, **kwargs) -> None:
        given = signature.bind(self, *args, **kwargs)
        for name in ('channel_unit_cfg', 'parse_cfg'):
            if name in given.arguments:
                given.arguments[name] = _with_name(given.arguments[name])
        init(*given.args, **given.kwargs)

    ChannelMutator.__init__ = init_with_names


def _with_name(config: Any) -> Any:
    # Imported here, since this patch is applied while mmcckd is imported.
    from mmcckd.config_files.component_types import bare_type
    kind = config.get('type') if isinstance(config, dict) else None
    if kind is None or (isinstance(kind, str) and '.' not in kind):
        return config
    config = config.copy()
    config['type'] = bare_type(config)
    config.setdefault('_scope_', 'mmrazor')  # a class needs none
    return config
