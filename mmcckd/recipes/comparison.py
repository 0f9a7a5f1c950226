"""Choose the connectors that make recorded features comparable."""
import logging
from typing import Any, Dict, Iterator, List, Optional, Tuple

from mmengine.config import Config
from mmengine.logging import print_log
from torch import Tensor, nn

from mmcckd.config_files.component_types import bare_type
from mmcckd.models.kinds import DETECTOR, default_part, is_dense, kind_of

from .recorded import recorded, unwrapped

MIN_SAMPLES = 4  # samples of a batch without a warning, 6 correlations


def default_connectors(networks: Dict[str, nn.Module],
                       recorders: Dict[str, dict],
                       indices: Dict[str, Optional[int]]
                       ) -> Dict[str, List[dict]]:
    """Choose the connectors before projection and kernel.

    - Maps of detectors and segmentors are compared at random positions. Of
      several levels, the one in the middle of a detector's pyramid, or the
      last one of a segmentor's backbone, is preferred, if the other network
      has a level with maps of the same size.
    - If the backbone of a classifier without a neck outputs maps, they are
      pooled; tokens are reduced to the class token, if there is one, or else
      to their mean.
    - Other features need no connector.

    Args:
        networks (Dict[str, nn.Module]): "student" and "teacher".
        recorders (Dict[str, dict]): Their recorders.
        indices (Dict[str, int | None]): The ``data_idx`` of both.

    Returns:
        Dict[str, List[dict]]: Configs of connectors for both, which may be
        empty.

    Raises:
        ValueError: If a network does not run without annotations, or there are
            no levels of the same size.
    """
    if not is_dense(networks['student']):
        return {
            side: _of_classifier(networks[side], recorders[side],
                                 indices[side])
            for side in networks
        }
    features = {
        side: _feature(networks[side], recorders[side], indices[side])
        for side in networks
    }
    if not all(map(_levels, features.values())):
        return {side: [] for side in networks}
    levels = _matching_levels(*features.values(),
                              kind_of(networks['student']) == DETECTOR)
    return {
        side: [
            dict(type='PositionConnector') if isinstance(
                unwrapped(features[side]), Tensor) else dict(
                    type='PositionConnector', level=level)
        ]
        for side, level in zip(networks, levels)
    }


def warn_of_few_samples(cfg: Config, connectors: Dict[str, List[dict]]
                        ) -> None:
    """Warn if a batch has only a few correlations.

    Args:
        cfg (Config): The recipe.
        connectors (Dict[str, List[dict]]): Those of "student" and "teacher".
    """
    n = (cfg.get('train_dataloader') or {}).get('batch_size')
    if n is None or n >= MIN_SAMPLES or any(
            bare_type(one) == 'PositionConnector'
            for one in connectors['student']):
        return
    print_log(
        f'A batch of this recipe has {n} samples, so the number of '
        f'correlations that CC compares is {n * (n - 1) // 2}. Use larger '
        'batches, kernel.gather=True on several GPUs, or, for maps, '
        'connector.type=PositionConnector, which compares positions.',
        logger='current',
        level=logging.WARNING)


def _of_classifier(network: nn.Module, recorder: dict,
                   index: Optional[int]) -> List[dict]:
    part = default_part(network)
    if part in ('neck', None) or recorder['source'] != part:
        return []
    feature = unwrapped(_feature(network, recorder, index))
    if not isinstance(feature, Tensor) or feature.dim() not in (3, 4):
        return []
    if feature.dim() == 4:
        # Some networks of timm have maps of the shape (n, h, w, c).
        is_last = any('NHWC' in str(value)
                      for value in _attributes(network, 'output_fmt'))
        return [] if is_last else [dict(type='PoolConnector')]
    # The names in MMPretrain and in timm.
    extra = next(
        _attributes(network, 'num_extra_tokens', 'num_prefix_tokens'), 0)
    has_class_token = any(
        isinstance(token, Tensor) for token in _attributes(
            network, 'cls_token'))
    return [
        dict(
            type='TokenConnector',
            pool='cls' if has_class_token else 'mean',
            num_extra_tokens=extra)
    ]


def _attributes(network: nn.Module, *names: str) -> Iterator[Any]:
    for module in network.modules():
        for name in names:
            if hasattr(module, name):
                yield getattr(module, name)


def _feature(network: nn.Module, recorder: dict, index: Optional[int]) -> Any:
    try:
        feature = recorded(network, recorder)
    except Exception as error:  # depends on the network
        raise ValueError(
            f'The {type(network).__name__} does not run on images alone '
            f'({type(error).__name__}: {error}), so mix_cc cannot choose a '
            'connector for its features. Set connector, or connector=None.'
        ) from error
    return feature if index is None or feature is None else feature[index]


def _levels(feature: Any) -> List[Tensor]:
    """The maps in a feature, or an empty list."""
    levels = list(feature) if isinstance(feature, (tuple, list)) else [feature]
    return levels if all(
        isinstance(x, Tensor) and x.dim() == 4 for x in levels) else []


def _matching_levels(student: Any, teacher: Any,
                     middle: bool) -> Tuple[int, int]:
    """Choose levels of the same size."""
    sizes = [[tuple(x.shape[2:]) for x in _levels(feature)]
             for feature in (student, teacher)]
    preferred = len(sizes[0]) // 2 if middle else len(sizes[0]) - 1
    for level in sorted(
            range(len(sizes[0])), key=lambda i: abs(i - preferred)):
        if sizes[0][level] in sizes[1]:
            same = [i for i, size in enumerate(sizes[1])
                    if size == sizes[0][level]]
            return level, min(same, key=lambda i: abs(i - level))
    raise ValueError(
        'mix_cc compares positions of maps, but no map of the student has the '
        'size of a map of the teacher. For the same images, the student has '
        f'{_list(sizes[0])} and the teacher {_list(sizes[1])}. Resize them to '
        'one size with connector.type=PositionConnector connector.size=[h,w], '
        'and select levels with connector.student.level=… and '
        'connector.teacher.level=….')


def _list(sizes) -> str:
    return ', '.join(f'{h} x {w}' for h, w in sizes)
