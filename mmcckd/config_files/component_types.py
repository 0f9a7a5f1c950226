"""The types of components that a config names."""


def bare_type(cfg: dict) -> str:
    """The type of a component without its scope, "mmrazor." or another."""
    return str(cfg.get('type')).rpartition('.')[2]
