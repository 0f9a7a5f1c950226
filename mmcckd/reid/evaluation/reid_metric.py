from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import torch
from joblib import cpu_count
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS
from threadpoolctl import threadpool_limits

from .evaluate import check_options, evaluate_reid


@METRICS.register_module()
class ReIDMetric(BaseMetric):
    """mAP, mINP and CMC of person re-identification.

    Query and gallery come from one data set. Each data sample must have

    - ``feature``: the feature that the model has computed, a tensor (d, )
    - ``gt_label``: the person
    - ``camera_id``: the camera, an int
    - ``is_query``: True for a query, False for an entry of the gallery

    ``PackInputs`` keeps ``camera_id`` and ``is_query`` if they are in its
    ``meta_keys``.

    The metrics are defined in :func:`evaluate_reid`. The main process computes
    them, on all cores, from float32 features.

    Example:
        >>> val_evaluator = dict(type='ReIDMetric')

    Args:
        distance (str): "cosine" or "euclidean". Defaults to "cosine".
        ranks (Sequence[int]): The k of rank-k. Defaults to 1, 5, 10.
        rerank (bool): Whether to re-rank by k-reciprocal encoding. Defaults
            to False.
        collect_device (str): See :class:`BaseMetric`.
        prefix (str, optional): See :class:`BaseMetric`. Defaults to "reid".
        collect_dir (str, optional): See :class:`BaseMetric`.

    Raises:
        KeyError: If a data sample lacks one of these keys.
        TypeError: If an option has the wrong type.
        ValueError: If an option or a value of a sample is out of range, or in
            the cases of :func:`evaluate_reid`.
    """

    default_prefix = 'reid'

    def __init__(self,
                 distance: str = 'cosine',
                 ranks: Sequence[int] = (1, 5, 10),
                 rerank: bool = False,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None,
                 collect_dir: Optional[str] = None) -> None:
        check_options(distance, ranks, rerank)
        super().__init__(collect_device, prefix, collect_dir)
        self.options = dict(distance=distance, ranks=ranks, rerank=rerank)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Store (feature, person, camera, is_query) of each sample."""
        features = torch.stack([
            torch.as_tensor(_get(sample, 'feature'))
            for sample in data_samples
        ])
        if features.dim() != 2:
            raise ValueError('The feature of a data sample must be of shape '
                             f'(d, ), but is {tuple(features[0].shape)}.')
        # One transfer per batch. The copy keeps no memory of the model alive.
        features = features.detach().to('cpu', torch.float32, copy=True)
        for feature, sample in zip(features.numpy(), data_samples):
            self.results.append(
                (feature, _get_int(sample, 'gt_label'),
                 _get_int(sample, 'camera_id'),
                 bool(_get_int(sample, 'is_query'))))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Compute the metrics from the results of all processes."""
        splits = [[], []]
        for *sample, is_query in results:
            splits[not is_query].append(sample)
        for name, split in zip(('query', 'gallery'), splits):
            if not split:
                raise ValueError(
                    f'There is no {name} among {len(results)} data samples. '
                    'The data set must have queries (is_query=True) and a '
                    'gallery (is_query=False).')
        columns = [tuple(zip(*split)) for split in splits]
        with threadpool_limits(cpu_count()):
            return evaluate_reid(
                *(np.stack(features) for features, _, _ in columns),
                *(ids for _, ids, _ in columns),
                *(cameras for _, _, cameras in columns), **self.options)


def _get(sample: dict, key: str) -> Any:
    if key not in sample:
        raise KeyError(
            f'ReIDMetric needs {key} in every data sample, but one has only '
            f'{", ".join(sorted(sample))}. The head of the model must set '
            'feature, and the data set gt_label, camera_id and is_query. '
            'PackInputs must keep the latter two: set its '
            "meta_keys=('sample_idx', 'camera_id', 'is_query', ...).")
    return sample[key]


def _get_int(sample: dict, key: str) -> int:
    value = _get(sample, key)
    if isinstance(value, torch.Tensor):  # may be on a GPU
        value = value.cpu()
    value = np.asarray(value)
    if value.size != 1 or value.dtype.kind not in 'iub':
        raise ValueError(f'{key} of a data sample must be one integer, but is '
                         f'{sample[key]!r}.')
    return int(value.item())
