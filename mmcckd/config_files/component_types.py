"""Types of the components in a config."""
from typing import Any


def bare_type(cfg: dict) -> str:
    """Return the name of the class of a component.

    Args:
        cfg (dict): Config of a component. Its ``type`` is the name of a
            class, with or without a scope (``mmrazor.KLDivergence``), the
            path of a class (``mmrazor.models.KLDivergence``), as MMEngine
            writes it into the dump of a new-style config, or the class
            itself, as in a new-style config.

    Returns:
        str: The name without scope and path; "None" if there is no type.
    """
    return bare_name(cfg.get('type'))


def bare_name(kind: Any) -> str:
    """Return the name of a class, see :func:`bare_type`.

    Args:
        kind (Any): A class, or its name or path.
    """
    if isinstance(kind, str):
        return kind.rpartition('.')[2]
    return getattr(kind, '__name__', str(kind))


def recorder_type(cfg: dict) -> str:
    """Return the type of one of MMRazor's recorders, such as ModuleOutputs.

    Args:
        cfg (dict): Config of a recorder. MMRazor's text configs leave out the
            "Recorder" at the end of the name of the class.
    """
    name = bare_type(cfg)
    return name[:-len('Recorder')] if name.endswith('Recorder') else name
