"""Check that the two sides of a loss are compared at the same positions.

A loss cannot notice that its samples are vectors at other positions on the
other side: their number would still be the same.
"""
from typing import Dict, Optional, Tuple

from torch import nn

from ..connectors.position_connector import PositionConnector


def position_connector(connectors: nn.ModuleDict,
                       record: dict) -> Optional[PositionConnector]:
    """The ``PositionConnector`` of an entry of a mapping, if it has one.

    Args:
        connectors (nn.ModuleDict): The connectors of a distiller.
        record (dict): An entry of ``loss_forward_mappings``.

    Returns:
        PositionConnector or None: The connector, or the one in its list.
    """
    name = record.get('connector')
    for module in connectors[name].modules() if name else ():
        if isinstance(module, PositionConnector):
            return module
    return None


def check_position_connectors(connectors: nn.ModuleDict,
                              mappings: Dict[str, dict]) -> None:
    """Check that both sides of each loss select the same positions.

    Args:
        connectors (nn.ModuleDict): The connectors of a distiller.
        mappings (Dict[str, dict]): Its ``loss_forward_mappings``.

    Raises:
        ValueError: If only one side of a loss has a ``PositionConnector``, or
            the two have different ``max_positions`` or seeds.
    """
    for loss, mapping in mappings.items():
        used = {
            argument: position_connector(connectors, record)
            for argument, record in mapping.items()
        }
        having = [argument for argument in used if used[argument]]
        lacking = [argument for argument in used if not used[argument]]
        if having and lacking:
            raise ValueError(
                f'{loss} compares positions of maps, by a PositionConnector, '
                f'for {", ".join(having)}, but not for {", ".join(lacking)}. '
                'Use a PositionConnector for both student and teacher.')
        for key in ('max_positions', 'seed'):
            values = {
                argument: getattr(connector, key)
                for argument, connector in used.items() if connector
            }
            if len(set(values.values())) > 1:
                raise ValueError(
                    f'{loss} would compare different positions: {key} of the '
                    f'PositionConnector is {_list(values)}. Use the same '
                    f'{key} for both.')


def check_map_sizes(loss: str, sizes: Dict[str, Tuple[int, int]]) -> None:
    """Check that positions were selected from maps of the same size.

    Args:
        loss (str): The name of the loss.
        sizes (Dict[str, Tuple[int, int]]): Height and width of the map for
            each argument of the loss that has a ``PositionConnector``.

    Raises:
        ValueError: If the sizes differ.
    """
    if len(set(sizes.values())) > 1:
        raise ValueError(
            f'{loss} compares positions of maps of different sizes (h, w): '
            f'{_list(sizes)}. Set size=(h, w) of the PositionConnector of '
            'student, teacher or both to resize the maps, or record modules '
            'with the same stride.')


def _list(values: dict) -> str:
    return ', '.join(f'{value} for {name}' for name, value in values.items())
