import inspect

import torch
from torch import Tensor, nn

from .congruence import (
    check_loss_weight,
    correlation_congruence,
    late_nan_check,
)
from .flatten_features import Features, flatten_features
from .global_batch import rows_and_columns
from .kernels import bilinear, gaussian_rbf, naive_mmd

KERNELS = dict(
    gaussian_rbf=gaussian_rbf, bilinear=bilinear, naive_mmd=naive_mmd)


class CCLoss(nn.Module):
    r"""Correlation congruence loss between features of student and teacher.

    As defined by Peng et al., *Correlation Congruence for Knowledge
    Distillation*, ICCV 2019:

    .. math::
        L_{CC} = \frac{1}{n^2} \sum_{i,j}
        \left(\varphi(f^s_i, f^s_j) - \varphi(f^t_i, f^t_j)\right)^2

    This module computes the kernel φ for student and teacher, and the loss,
    for training loops in plain PyTorch. It needs no projection: only the
    n × n correlations are compared, so student and teacher may have features
    of different widths.

    It can be differentiated twice, transformed by ``torch.func`` and compiled
    by ``torch.compile(fullgraph=True)``. With ``gather=True`` on several
    ranks, these three are refused.

    Args:
        kernel (str): ``'gaussian_rbf'``, ``'bilinear'`` or ``'naive_mmd'``.
            Defaults to ``'gaussian_rbf'``.
        gather (bool): Whether to correlate with the samples of all ranks
            (:mod:`.global_batch`). Without a process group it changes
            nothing. Defaults to False.
        loss_weight (float): The β of the objective
            ``α L_CE + (1 − α) L_KD + β L_CC``, ≥ 0. Defaults to 1.0.
        **hyperparameters: Hyper-parameters of the kernel. Only the Gaussian
            RBF has any: ``gamma``, ``order``, ``delta`` and ``normalize``, see
            :func:`~mmcckd.functional.gaussian_rbf`.

    Raises:
        TypeError: If an argument is of the wrong type, or the kernel lacks a
            hyper-parameter.
        ValueError: If the kernel is unknown, or a value is out of its range.

    Example:
        >>> criterion = CCLoss(gamma=0.4, order=2, loss_weight=50.0)
        >>> loss = criterion(torch.rand(8, 64), torch.rand(8, 512))
    """

    def __init__(self,
                 kernel: str = 'gaussian_rbf',
                 gather: bool = False,
                 loss_weight: float = 1.0,
                 **hyperparameters) -> None:
        super().__init__()
        if kernel not in KERNELS:
            raise ValueError(f'kernel must be one of {", ".join(KERNELS)}, '
                             f'but is {kernel!r}.')
        _, _, *known = inspect.signature(KERNELS[kernel]).parameters
        unknown = sorted(hyperparameters.keys() - set(known))
        if unknown:
            raise TypeError(
                f'The kernel {kernel} has no hyper-parameter '
                f'{", ".join(unknown)}; it has '
                f'{", ".join(known) or "none"}.')
        if not isinstance(gather, bool):
            raise TypeError(
                f'gather must be True or False, but is {gather!r}.')
        check_loss_weight('loss_weight', loss_weight)
        # A wrong value raises here rather than in the first step.
        KERNELS[kernel](torch.ones(1, 1, device='cpu'), **hyperparameters)
        self.kernel = kernel
        self.gather = gather
        self.loss_weight = loss_weight
        self.hyperparameters = hyperparameters
        self._late_check = late_nan_check()

    def forward(self, student_features: Features,
                teacher_features: Features) -> Tensor:
        """Compare the correlations within a batch of student and teacher.

        Args:
            student_features (Tensor or Sequence[Tensor]): Features of n
                samples, (n, d) or (n, c, h, w), the latter flattened to
                (n, c·h·w); or a tuple or list of one such tensor.
            teacher_features (Tensor or Sequence[Tensor]): Features of the
                teacher for the same samples in the same order, of any width.
                They get no gradient.

        Returns:
            Tensor: The weighted loss, a scalar in float32 at least.

        Raises:
            TypeError: If features are not floating-point tensors.
            ValueError: If they have another shape, the two sides have
                different numbers of samples, or a correlation is NaN, which
                is found one step later on a GPU; with ``gather=True``, if the
                ranks have batches of different sizes.
        """
        student = flatten_features(student_features, 'CCLoss')
        teacher = flatten_features(teacher_features, 'CCLoss').detach()
        if len(student) != len(teacher):
            raise ValueError(
                'CCLoss compares student and teacher on the same samples, but '
                f'got features of {len(student)} samples of the student and '
                f'{len(teacher)} of the teacher.')
        return self.loss_weight * correlation_congruence(
            self._correlate(student), self._correlate(teacher),
            self._late_check)

    def _correlate(self, x: Tensor) -> Tensor:
        x, y = rows_and_columns(x) if self.gather else (x, None)
        return KERNELS[self.kernel](x, y, **self.hyperparameters)

    def extra_repr(self) -> str:
        arguments = dict(
            kernel=self.kernel,
            **self.hyperparameters,
            gather=self.gather,
            loss_weight=self.loss_weight)
        return ', '.join(f'{name}={value}'
                         for name, value in arguments.items())
