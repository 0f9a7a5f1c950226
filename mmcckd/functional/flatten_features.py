from typing import Sequence, Union

from torch import Tensor

Features = Union[Tensor, Sequence[Tensor]]


def flatten_features(feature: Features, user: str) -> Tensor:
    """Flatten the output of a backbone or neck to one row per sample.

    Args:
        feature (Tensor or Sequence[Tensor]): Features of shape (n, d) or
            (n, c, h, w), the latter flattened to (n, c·h·w); or a tuple or
            list of one such tensor, as MMPretrain's necks return.
        user (str): What the features are for, to begin the messages with.

    Returns:
        Tensor: (n, d).

    Raises:
        TypeError: If ``feature`` is not a tensor.
        ValueError: If it is a sequence of several tensors, or a tensor that is
            neither 2-D nor 4-D.
    """
    if isinstance(feature, (tuple, list)):
        if len(feature) != 1:
            raise ValueError(
                f'{user} takes one feature per sample, but got a '
                f'{type(feature).__name__} of {len(feature)}; choose one '
                'by data_idx, in loss_forward_mappings or as --mix-cc '
                f'data_idx={len(feature) - 1}.')
        feature = feature[0]
    if not isinstance(feature, Tensor):
        raise TypeError(f'{user} needs a tensor of features, but got '
                        f'{type(feature).__name__}.')
    if feature.dim() not in (2, 4):
        raise ValueError(
            f'{user} takes features of shape (n, d) or (n, c, h, w), but '
            f'got {tuple(feature.shape)}; record a module that gives one '
            'feature for each sample: the neck, or of a vision transformer '
            "the backbone with out_type='cls_token' or 'avg_featmap'. "
            'Connectors can reduce other features before: TokenConnector '
            'tokens (n, l, d), PoolConnector the levels of a pyramid.')
    return feature.flatten(1)
