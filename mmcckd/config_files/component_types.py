"""Types of the components in a config."""


def bare_type(cfg: dict) -> str:
    """Return the type of a component without its scope (``mmrazor.``)."""
    return str(cfg.get('type')).rpartition('.')[2]
