import math
from dataclasses import dataclass
from itertools import chain
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from torch import Tensor


@dataclass(frozen=True)
class RecordLayout:
    """How a record of one source is built from tensors.

    Args:
        structure (Any): From :func:`flatten`, in JSON types.
        shapes (List[Tuple[int, ...]]): Shape of each leaf, without the batch
            dimension.
        top_k (int, optional): How many of the largest logits are stored; then
            there is one leaf, of shape (classes, ). Defaults to None: all
            numbers are stored.

    Raises:
        ValueError: If ``top_k`` does not fit to the leaves.
    """

    structure: Any
    shapes: List[Tuple[int, ...]]
    top_k: Optional[int] = None

    def __post_init__(self) -> None:
        # As read from JSON, so that layouts can be compared.
        object.__setattr__(self, 'shapes',
                           [tuple(shape) for shape in self.shapes])
        if self.top_k is None:
            return
        if len(self.shapes) != 1 or len(self.shapes[0]) != 1:
            raise ValueError(
                'top_k needs a record of one tensor of logits of shape '
                '(n, classes), but the record has '
                f'{", ".join(f"(n, {str(s)[1:-1]})" for s in self.shapes)}.')
        if not 1 <= self.top_k < self.shapes[0][0]:
            raise ValueError(
                f'top_k should be from 1 to {self.shapes[0][0] - 1}, one less '
                f'than the number of classes, but is {self.top_k}; without '
                'top_k, all logits are stored.')


def flatten(record: Any, batch_size: int) -> Tuple[Any, List[Tensor]]:
    """Split a record into its tensors, the leaves, and their structure.

    Args:
        record (Any): What a recorder recorded of a batch: floating-point
            tensors with a batch dimension, in lists, tuples and dicts, which
            may be nested and contain None.
        batch_size (int): Size that the first dimension of all tensors must
            have.

    Returns:
        Tuple[Any, List[Tensor]]: The structure, in JSON types: the number of a
        leaf, None, or ``{"list": […]}``, ``{"tuple": […]}`` or
        ``{"dict": {…}}``; and the leaves.

    Raises:
        ValueError: If the record has no tensor, or contains anything else.
    """
    leaves: List[Tensor] = []
    structure = _flatten(record, batch_size, leaves)
    if not leaves:
        raise ValueError('A teacher store needs a record of tensors, but '
                         f'nothing but {record!r} was recorded.')
    return structure, leaves


def _flatten(record: Any, batch_size: int, leaves: List[Tensor]) -> Any:
    if record is None:
        return None
    if isinstance(record, Tensor):
        if record.dim() < 1 or record.shape[0] != batch_size:
            raise ValueError(
                'A teacher store needs tensors with a row for each sample, '
                f'but of a batch of {batch_size}, a tensor of shape '
                f'{tuple(record.shape)} was recorded.')
        if not record.is_floating_point():
            raise ValueError(
                'A teacher store holds floating-point numbers, but a tensor '
                f'of {record.dtype} was recorded.')
        leaves.append(record)
        return len(leaves) - 1
    for kind in (list, tuple):
        if type(record) is kind:
            return {
                kind.__name__:
                [_flatten(part, batch_size, leaves) for part in record]
            }
    if type(record) is dict and all(isinstance(key, str) for key in record):
        return dict(
            dict={
                key: _flatten(part, batch_size, leaves)
                for key, part in record.items()
            })
    raise ValueError(
        'A teacher store holds tensors in lists, tuples, and dicts with text '
        f'as keys, but a {type(record).__name__} was recorded.')


def unflatten(structure: Any, leaves: Sequence[Any]) -> Any:
    """Build a record from its structure and leaves.

    Args:
        structure (Any): From :func:`flatten`.
        leaves (Sequence[Any]): The leaves: tensors, or anything else.

    Returns:
        Any: The record.
    """
    if structure is None:
        return None
    if isinstance(structure, int):
        return leaves[structure]
    (kind, parts), = structure.items()
    if kind == 'dict':
        return {key: unflatten(part, leaves) for key, part in parts.items()}
    return {
        'list': list,
        'tuple': tuple
    }[kind](unflatten(part, leaves) for part in parts)


def layout_to_json(layout: RecordLayout) -> Dict[str, Any]:
    """Convert a layout to JSON types, from which it can be created again."""
    return dict(
        structure=layout.structure,
        shapes=[list(shape) for shape in layout.shapes],
        top_k=layout.top_k)


def layout_from_json(content: Dict[str, Any]) -> RecordLayout:
    """Create a layout from what :func:`layout_to_json` returned.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: If it is damaged.
    """
    layout = RecordLayout(**content)
    if not all(type(size) is int and size >= 0
               for size in chain(*layout.shapes)):
        raise ValueError(f'shapes is {content["shapes"]!r:.80}')
    if not any(map(math.prod, layout.shapes)):
        raise ValueError(f'shapes of {layout.shapes!r:.80} have no numbers')
    leaves = list(_leaf_numbers(layout.structure))
    if not leaves or leaves != list(range(len(layout.shapes))):
        raise ValueError(f'structure is {layout.structure!r:.80}, for '
                         f'{len(layout.shapes)} leaves')
    if layout.top_k is not None and type(layout.top_k) is not int:
        raise ValueError(f'top_k is {layout.top_k!r}')
    return layout


def _leaf_numbers(structure: Any) -> Iterator[int]:
    """The numbers in a structure, in their order."""
    if structure is None:
        return
    if type(structure) is int:
        yield structure
        return
    (kind, parts), = structure.items()
    if kind == 'dict':
        parts = list(parts.values())
    elif kind not in ('list', 'tuple') or type(parts) is not list:
        raise ValueError(f'the structure has {kind!r:.80}')
    for part in parts:
        yield from _leaf_numbers(part)
