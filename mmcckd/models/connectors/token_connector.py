from typing import Optional, Sequence, Union

from mmrazor.models.architectures.connectors.base_connector import (
    BaseConnector,
)
from mmrazor.registry import MODELS
from torch import Tensor

POOLS = ('mean', 'cls')


@MODELS.register_module()
class TokenConnector(BaseConnector):
    """Reduce the tokens of a transformer to one vector for each image.

    It is used before a kernel connector, or before a projection, in a list of
    connectors. The extra tokens, such as the class token, are expected before
    the tokens of the patches, as in ViT and DeiT.

    Args:
        pool (str): "mean", the mean over the tokens of the patches, or "cls",
            the first token. Defaults to "mean".
        num_extra_tokens (int): Number of tokens before those of the patches:
            1 for the class token of ViT and DeiT, 2 with a distillation token
            as well, 0 for Swin. Defaults to 1.
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.

    Raises:
        TypeError: If ``num_extra_tokens`` is not an int.
        ValueError: If ``pool`` is unknown, ``num_extra_tokens`` is negative,
            or ``pool="cls"`` is used without extra tokens.
    """

    def __init__(self,
                 pool: str = 'mean',
                 num_extra_tokens: int = 1,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if pool not in POOLS:
            raise ValueError(f'pool must be one of {POOLS}, but is {pool!r}.')
        if (isinstance(num_extra_tokens, bool)
                or not isinstance(num_extra_tokens, int)):
            raise TypeError('num_extra_tokens must be an int, but is '
                            f'{num_extra_tokens!r}.')
        if num_extra_tokens < 0:
            raise ValueError('num_extra_tokens must be at least 0, but is '
                             f'{num_extra_tokens}.')
        if pool == 'cls' and num_extra_tokens == 0:
            raise ValueError(
                "pool='cls' needs a class token, but num_extra_tokens=0 says "
                "that there is none; use pool='mean'.")
        self.pool = pool
        self.num_extra_tokens = num_extra_tokens

    def forward_train(self, feature: Union[Tensor,
                                           Sequence[Tensor]]) -> Tensor:
        """Reduce the tokens of a batch.

        Args:
            feature (Tensor or Sequence[Tensor]): Tokens, (n, l, d); a pair of
                the map of the patches, (n, d, h, w), and the class token,
                (n, d), as some backbones return; or a tuple or list of one of
                these.

        Returns:
            Tensor: (n, d).

        Raises:
            ValueError: If the feature has another shape, or there are no
                tokens of patches.
        """
        while isinstance(feature, (tuple, list)) and len(feature) == 1:
            feature = feature[0]
        if _is_map_and_class_token(feature):
            patches, class_token = feature
            return class_token if self.pool == 'cls' else patches.mean((2, 3))
        if not isinstance(feature, Tensor) or feature.dim() != 3:
            raise ValueError(
                f'{type(self).__name__} takes tokens of shape (n, l, d), but '
                f'got {_describe(feature)}; record a module that returns all '
                'tokens, such as the last norm of the backbone, or of a '
                "vision transformer the backbone with out_type='raw'. "
                'Features (n, d) need no connector, and maps (n, c, h, w) a '
                'PoolConnector.')
        length, extra = feature.shape[1], self.num_extra_tokens
        if length <= extra:
            raise ValueError(
                f'{type(self).__name__} has num_extra_tokens={extra}, but got '
                f'{length} tokens, of shape {tuple(feature.shape)}.')
        if self.pool == 'cls':
            return feature[:, 0]
        return feature[:, extra:].mean(1)

    def extra_repr(self) -> str:
        return (f'pool={self.pool!r}, '
                f'num_extra_tokens={self.num_extra_tokens}')


def _is_map_and_class_token(feature) -> bool:
    return (isinstance(feature, (tuple, list)) and len(feature) == 2
            and [getattr(x, 'ndim', None) for x in feature] == [4, 2])


def _describe(feature) -> str:
    if isinstance(feature, Tensor):
        return str(tuple(feature.shape))
    if isinstance(feature, (tuple, list)):
        return (f'a {type(feature).__name__} of {len(feature)} (' +
                ', '.join(map(_describe, feature)) + ')')
    return type(feature).__name__
