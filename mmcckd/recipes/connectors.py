"""Read the ``connector`` of ``mix_cc``."""
from typing import Callable, Dict, List, Union

SIDES = ('student', 'teacher')
Connectors = Union[None, str, dict, List[dict]]


def check_is_config(name: str, config: dict) -> None:
    """Raise a ValueError if it is not the config of a connector."""
    if not isinstance(config, dict) or 'type' not in config:
        raise ValueError(
            f'{name} must be the config of a connector, dict(type=…), or on '
            f'the command line {name}.type=…, but is {config!r}.')


def as_list(name: str, configs: Connectors) -> List[dict]:
    """Return None, one config or several ones as a list of configs.

    Raises:
        ValueError: If one of them is not the config of a connector.
    """
    if not isinstance(configs, (list, tuple)):
        configs = [] if configs is None else [configs]
    for config in configs:
        check_is_config(name, config)
    return list(configs)


def connectors_of_sides(connector: Connectors,
                        choose: Callable[[], Dict[str, List[dict]]]
                        ) -> Dict[str, List[dict]]:
    """Return the connectors of student and teacher.

    Args:
        connector (str | dict | list, optional): See :func:`.mix_cc`.
        choose (Callable): Returns the default connectors of the recipe. It is
            only called if they are needed.

    Returns:
        Dict[str, List[dict]]: Configs for "student" and "teacher".

    Raises:
        ValueError: If ``connector`` has the wrong form, or has no type and
            there is no default one.
    """
    if connector == 'auto':
        return choose()
    if not isinstance(connector, dict):
        return {side: as_list('connector', connector) for side in SIDES}
    common = {key: connector[key] for key in connector if key not in SIDES}
    chosen = {}
    for side in SIDES:
        own = connector.get(side, {})
        if own is None or isinstance(own, (list, tuple)):
            chosen[side] = as_list(f'connector.{side}', own)
            continue
        if not isinstance(own, dict):
            check_is_config(f'connector.{side}', own)
        settings = {**common, **own}
        if 'type' not in settings:
            default = choose()[side]
            if len(default) != 1:
                raise ValueError(
                    f'connector has no type, only {settings}, and the '
                    f'features of the {side} need no connector. Set '
                    'connector.type as well, or leave connector out.')
            settings = {**default[0], **settings}
        chosen[side] = [settings]
    return chosen
