"""Check the recipes of MMRazor's distillers.

If a recipe is wrong, ``ConfigurableDistiller`` fails with a bare assert or an
error deep in torch, which does not name the loss, the recorder or the
connector, or it does not fail at all. This module adds checks with clear
messages. They apply to every algorithm that builds a distiller, such as
``SingleTeacherDistill`` and ``FrozenTeacherDistill``.

This module can be deleted when MMRazor checks recipes itself.
"""
import functools
import inspect
from typing import Callable, Dict, Optional

from mmrazor.models.distillers import ConfigurableDistiller
from torch import Tensor

from mmcckd.lost_ranks import is_lost_rank

from .loss_mappings import check_mappings
from .positions import (
    check_map_sizes,
    check_position_connectors,
    position_connector,
)
from .recorders import check_recorders

# What a loss or connector may raise for arguments that it does not accept.
FAILURES = (AssertionError, AttributeError, IndexError, RuntimeError)


def check_recipes_of_distillers() -> None:
    """Add checks to the methods of ``ConfigurableDistiller``."""
    kind = ConfigurableDistiller
    if not hasattr(kind.__init__, '__wrapped__'):
        kind.__init__ = _checking_mappings(kind.__init__)
        for side in ('student', 'teacher'):
            name = f'prepare_from_{side}'
            setattr(kind, name, _checking_recorders(getattr(kind, name), side))
        kind.get_record = _naming_the_record(kind.get_record)
        kind.compute_distill_losses = compute_distill_losses


def _checking_mappings(init):
    signature = inspect.signature(init)

    @functools.wraps(init)
    def checked_init(self, *args, **kwargs) -> None:
        distiller = signature.bind(self, *args, **kwargs).arguments
        for side in ('student', 'teacher'):
            check_recorders(distiller.get(f'{side}_recorders') or {}, side)
        keys = inspect.signature(self.get_record).parameters
        check_mappings(distiller, tuple(keys))
        init(self, *args, **kwargs)
        check_position_connectors(self.connectors, self.loss_forward_mappings)

    return checked_init


def _checking_recorders(prepare, side: str):

    @functools.wraps(prepare)
    def checked_prepare(self, model) -> None:
        recorders = getattr(self, f'{side}_recorders').recorders
        check_recorders(
            {
                name: dict(
                    type=type(recorder).__name__.replace('Recorder', ''),
                    source=recorder.source)
                for name, recorder in recorders.items()
            }, side, model)
        prepare(self, model)

    return checked_prepare


def _naming_the_record(get_record):

    @functools.wraps(get_record)
    def checked_get_record(self,
                           recorder,
                           from_student,
                           record_idx=0,
                           data_idx=None,
                           connector=None,
                           connector_idx=None):
        side = 'student' if from_student else 'teacher'
        name = f'{side}_recorders.{recorder}'
        source = getattr(self, f'{side}_recorders').get_recorder(recorder)
        data = _pick(name, source, record_idx, data_idx)
        return _naming(
            f'connectors.{connector}, after {name},', dict(input=data),
            lambda: get_record(self, recorder, from_student, record_idx,
                               data_idx, connector, connector_idx))

    return checked_get_record


def _pick(name: str, recorder, record_idx: int, data_idx: Optional[int]):
    """Select what a recorder recorded, or raise an error that names it."""
    records = recorder.data_buffer
    where = f'{name}, with the source {recorder.source!r}, recorded'
    if not -len(records) <= record_idx < len(records):
        raise ValueError(
            f'{where} {len(records)} calls in this batch, but '
            f'loss_forward_mappings has record_idx={record_idx}. ' +
            (f'Set it to at most {len(records) - 1}.' if records else
             'Record a module that is used in the forward pass.'))
    data = records[record_idx]
    if data_idx is None:
        return data
    if not isinstance(data, (list, tuple)):
        raise ValueError(
            f'{where} {describe(data)}, but loss_forward_mappings has '
            f'data_idx={data_idx}. Leave data_idx out.')
    if not -len(data) <= data_idx < len(data):
        raise ValueError(
            f'{where} {describe(data)}, but loss_forward_mappings has '
            f'data_idx={data_idx}. Set it to at most {len(data) - 1}.')
    return data[data_idx]


def compute_distill_losses(self) -> Dict[str, Tensor]:
    """MMRazor's method, with an error that names the loss if it fails."""
    losses = {}
    for name, mapping in self.loss_forward_mappings.items():
        arguments, map_sizes = {}, {}
        for key, record in mapping.items():
            arguments[key] = self.get_record(**record)
            connector = position_connector(self.connectors, record)
            if connector is not None:
                map_sizes[key] = connector.map_size
        check_map_sizes(name, map_sizes)
        loss = self.distill_losses[name]
        losses[name] = _naming(
            f'distill_losses.{name}, a {type(loss).__name__},', arguments,
            functools.partial(loss, **arguments))
    return losses


def _naming(caller: str, arguments: dict, call: Callable):
    """Call a function. An error names the caller and the arguments."""
    try:
        return call()
    except FAILURES as error:
        # Such as out of memory, or another rank that has ended.
        if 'CUDA' in str(error) or is_lost_rank(error):
            raise
        given = ', '.join(f'{key} ({describe(value)})'
                          for key, value in arguments.items())
        raised = ': '.join(
            [type(error).__name__, *str(error).splitlines()[:1]])
        raise ValueError(
            f'{caller} does not accept {given}: it raised {raised}. Record '
            'modules with suitable outputs, select one of several outputs '
            'with data_idx, or add a connector.') from error


def describe(data) -> str:
    """Describe what was recorded, such as the shapes of tensors."""
    if isinstance(data, Tensor):
        return f'a tensor of shape {tuple(data.shape)}'
    if isinstance(data, (list, tuple)):
        return (f'a {type(data).__name__} of {len(data)} (' +
                ', '.join(map(describe, data)) + ')')
    return f'a {type(data).__name__}'
