"""The features that the CC loss of a config compares."""
from typing import Any, Dict, List, Optional, Sequence

from mmengine.config import Config
from torch import Tensor

from mmcckd.config_files.component_types import bare_type, recorder_type
from mmcckd.functional.flatten_features import flatten_features
from mmcckd.models.connectors import (
    FlattenConnector,
    PoolConnector,
    TokenConnector,
)

# Connectors without weights that give one feature for each image.
REDUCING = {
    kind.__name__: kind
    for kind in (FlattenConnector, PoolConnector, TokenConnector)
}


def recorded_module(cfg: Config) -> Dict[str, Any]:
    """Get the module of the teacher whose features the CC loss compares.

    Returns:
        Dict[str, Any]: ``module``, its name, or "neck" if the config has no CC
        loss that compares what a module gets or returns; ``record_idx``, which
        of its calls; ``data_idx``, which of several outputs; ``inputs=True``
        if its inputs are compared; ``connectors``, the configs of connectors
        that reduce the record to one feature for each image, if there are
        any.

    Raises:
        ValueError: If the loss compares positions of maps.
    """
    distiller = cfg.model.get('distiller', {})
    for name, loss in distiller.get('distill_losses', {}).items():
        if not bare_type(loss).endswith('CorrelationCongruenceLoss'):
            continue
        record = distiller.loss_forward_mappings[name].preds_T
        recorder = distiller.teacher_recorders[record.recorder]
        kind = recorder_type(recorder)
        if kind not in ('ModuleOutputs', 'ModuleInputs'):
            continue
        found = dict(
            module=recorder.source,
            record_idx=record.get('record_idx', 0),
            data_idx=record.get('data_idx'))
        # Feature files are identified by these entries.
        if kind == 'ModuleInputs':
            found['inputs'] = True
        connectors = distiller.get('connectors', {}).get(
            record.get('connector'), [])
        reducing = _reducing(
            connectors if isinstance(connectors, list) else [connectors])
        if reducing:
            found['connectors'] = reducing
        return found
    return dict(module='neck', record_idx=0, data_idx=None)


def _reducing(connectors: Sequence[dict]) -> List[dict]:
    """The connectors before a projection or the kernel."""
    found = []
    for connector in connectors:
        kind = bare_type(connector)
        if kind == 'PositionConnector':
            raise ValueError(
                'The CC loss of this config compares positions of maps, but '
                'clustering needs one feature for each image; give the '
                "teacher's module that has one as --module, such as the neck "
                'of a classifier.')
        if kind not in REDUCING:
            break
        found.append(dict(connector, type=kind))
    return found


def select_feature(record: Any, data_idx: Optional[int],
                   connectors: Sequence[dict]) -> Tensor:
    """Get the features of a batch from what was recorded.

    Args:
        record (Any): The inputs or outputs of a module.
        data_idx (int, optional): Which of several to take.
        connectors (Sequence[dict]): Configs of the connectors that reduce it.

    Returns:
        Tensor: Features of shape (n, d).

    Raises:
        TypeError, ValueError: If it has another shape.
    """
    if data_idx is not None:
        record = record[data_idx]
    for connector in connectors:
        arguments = dict(connector)
        record = REDUCING[arguments.pop('type')](**arguments)(record)
    return flatten_features(record, 'The clustering')
