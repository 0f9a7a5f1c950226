"""Kernel connectors: features (n, d) -> correlation matrix (n, n)."""
from abc import abstractmethod
from typing import Optional

from mmrazor.models.architectures.connectors.base_connector import (
    BaseConnector,
)
from mmrazor.registry import MODELS
from torch import Tensor

from mmcckd.functional import kernels
from mmcckd.functional.flatten_features import Features, flatten_features
from mmcckd.functional.global_batch import rows_and_columns


class KernelConnector(BaseConnector):
    """Map the features of a batch to their correlation matrix.

    MMRazor applies a connector to a recorded feature. A recipe therefore
    selects its kernel φ by the type of the connector: ``C_ij = φ(f_i, f_j)``.
    The matrix is computed in float32 (float64 for float64 features), also
    under autocast. A connector has no parameters. If the student's features
    need a projection, it comes before the kernel connector in a list of
    connectors, for the student only.

    With ``gather=True``, each rank computes the correlations of its n samples
    with the samples of all ranks: rows (n, world_size · n) of the correlation
    matrix of the global batch. The mean over ranks of the CC loss of these
    rows equals the CC loss of the global batch on one process, and so does
    the mean of its gradients, which DDP computes
    (:mod:`mmcckd.functional.global_batch`). Student and teacher must both
    gather.

    Args:
        gather (bool): Whether to correlate with the samples of all ranks.
            Without a process group it has no effect. Defaults to False.
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.

    Raises:
        TypeError: If the kernel does not have a given hyper-parameter, or
            ``gather`` is not a bool.
    """

    def __init__(self,
                 gather: bool = False,
                 init_cfg: Optional[dict] = None,
                 **unknown) -> None:
        if unknown:
            raise TypeError(
                f'{type(self).__name__} got {", ".join(sorted(unknown))}, but '
                'its kernel has no such hyper-parameter; gamma, delta, order '
                'and normalize belong to GaussianRBFKernelConnector.')
        if not isinstance(gather, bool):
            raise TypeError(f'gather must be True or False, but is {gather!r}.'
                            )
        super().__init__(init_cfg=init_cfg)
        self.gather = gather

    def forward_train(self, feature: Features) -> Tensor:
        """Compute the correlation matrix of a batch.

        Args:
            feature (Tensor or Sequence[Tensor]): Features of shape (n, d) or
                (n, c, h, w), the latter flattened to (n, c·h·w); or a tuple or
                list of one such tensor, as MMPretrain's necks return.

        Returns:
            Tensor: Correlation matrix, (n, n), float32 or float64; with
            ``gather=True``, the rows of this rank, (n, world_size · n).

        Raises:
            TypeError: If ``feature`` is not a tensor.
            ValueError: If it is a sequence of several tensors, or a tensor
                that is neither 2-D nor 4-D; or, with ``gather=True``, if the
                ranks have batches of different sizes.
        """
        x = flatten_features(feature, type(self).__name__)
        return self.kernel(*rows_and_columns(x)) if self.gather else (
            self.kernel(x))

    @abstractmethod
    def kernel(self, x: Tensor, y: Optional[Tensor] = None) -> Tensor:
        """Compute the correlations, (n, m), of features (n, d) and (m, d).

        Args:
            x (Tensor): Features, (n, d).
            y (Tensor, optional): Features, (m, d). Defaults to ``x``.
        """


@MODELS.register_module()
class MMDKernelConnector(KernelConnector):
    """Naive maximum mean discrepancy, ``C_ij = |mean(f_i) − mean(f_j)|``.

    See :func:`mmcckd.functional.naive_mmd`.

    Args:
        gather (bool): Whether to correlate with the samples of all ranks.
            Defaults to False.
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.

    Raises:
        TypeError: See :class:`KernelConnector`.
    """

    def kernel(self, x: Tensor, y: Optional[Tensor] = None) -> Tensor:
        return kernels.naive_mmd(x, y)


@MODELS.register_module()
class BilinearKernelConnector(KernelConnector):
    """Bilinear pool, ``C_ij = f_iᵀ f_j``.

    See :func:`mmcckd.functional.bilinear`.

    Args:
        gather (bool): Whether to correlate with the samples of all ranks.
            Defaults to False.
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.

    Raises:
        TypeError: See :class:`KernelConnector`.
    """

    def kernel(self, x: Tensor, y: Optional[Tensor] = None) -> Tensor:
        return kernels.bilinear(x, y)


@MODELS.register_module()
class GaussianRBFKernelConnector(KernelConnector):
    """Gaussian RBF, ``C_ij = exp(−γ‖f_i − f_j‖²)``, or its Taylor expansion.

    See :func:`mmcckd.functional.gaussian_rbf` for the formula and the sources
    of the defaults.

    Args:
        gamma (float, optional): γ > 0. Defaults to 0.4 unless ``delta`` is
            given.
        order (int, optional): Order P ≥ 1 of the Taylor expansion, None for
            the exact kernel. Defaults to 2.
        delta (float, optional): Bandwidth δ > 0, instead of γ:
            ``γ = 1 / (2δ²)``.
        normalize (bool): Whether to L2-normalize the features. False requires
            ``order=None``. Defaults to True.
        gather (bool): Whether to correlate with the samples of all ranks.
            Defaults to False.
        init_cfg (dict, optional): Not used; an argument of all connectors of
            MMRazor.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If γ or δ is not a positive number, both are given, the
            order is below 1, or ``normalize=False`` with a Taylor order.
    """

    def __init__(self,
                 gamma: Optional[float] = None,
                 order: Optional[int] = 2,
                 delta: Optional[float] = None,
                 normalize: bool = True,
                 gather: bool = False,
                 init_cfg: Optional[dict] = None,
                 **unknown) -> None:
        super().__init__(gather, init_cfg, **unknown)
        kernels.check_rbf_order(order, normalize)
        self.gamma = kernels.rbf_gamma(gamma, delta)
        self.order = order
        self.normalize = normalize

    def kernel(self, x: Tensor, y: Optional[Tensor] = None) -> Tensor:
        return kernels.gaussian_rbf(
            x,
            y,
            gamma=self.gamma,
            order=self.order,
            normalize=self.normalize)

    def extra_repr(self) -> str:
        return (f'gamma={self.gamma:g}, order={self.order}, '
                f'normalize={self.normalize}, gather={self.gather}')
