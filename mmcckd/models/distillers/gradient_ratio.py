"""The gradient of a distillation loss beside that of all other terms."""
from typing import Any, List, Optional, Sequence, Tuple, Union

import torch
from mmrazor.models.distillers import ConfigurableDistiller
from torch import Tensor


class GradientRatioMeter:
    """Measure the gradients at a student's feature in one training step.

    With f, the recorded feature of the student that a distillation loss
    compares, before its connector, this measures

    - ‖∂ (β L) / ∂f‖, the gradient of the weighted loss, and
    - ‖∂ (all other terms of the objective) / ∂f‖.

    Their ratio r tells how much the loss determines the training of the layers
    up to f. Gradients of parameters that follow f, such as a projection, are
    not part of it.

    The meter is created before the forward pass and read after the backward
    pass. In the forward pass, it differentiates the loss for f, which does not
    reach a parameter. In the backward pass, hooks read the gradients of the
    objective for f, g, and for the loss, s. The latter is a number: the
    product of everything that the loss is multiplied by, such as a loss scale
    or ``1 / accumulative_counts``. Thus s ∂(β L)/∂f is the part of the loss in
    g, and the remainder that of the other terms. Neither weights, gradients
    nor the random state are changed, and no process communicates.

    If the difference is computed from gradients in float16 or bfloat16, as
    with mixed precision, the other terms are below the rounding error where r
    is more than about 100.

    Args:
        distiller (ConfigurableDistiller): The distiller.
        name (str): The name of the loss in ``loss_forward_mappings``.
        loss_scale (float): The factor by which the objective will be
            multiplied against underflow in float16. It is used for the
            gradient of the loss alone, so that it does not underflow either.
            Defaults to 1.0.
    """

    def __init__(self,
                 distiller: ConfigurableDistiller,
                 name: str,
                 loss_scale: float = 1.0) -> None:
        self.distiller = distiller
        self.name = name
        self.loss_scale = loss_scale
        # One gradient for each tensor of f, None for those that are not used.
        self._of_loss: Sequence[Optional[Tensor]] = ()  # times loss_scale
        self._of_objective: List[Optional[Tensor]] = []
        self._factor: Optional[Tensor] = None  # ∂ objective / ∂(β L)
        self._handles = [
            distiller.distill_losses[name].register_forward_hook(
                self._after_loss)
        ]

    def squared_norms(self) -> Optional[Tuple[float, float]]:
        """Return what was measured, and remove the hooks.

        Returns:
            Tuple[float, float] or None: The squared norms of the gradients of
            the loss and of the other terms, with the factors of the objective
            such as the loss scale; None if the loss was not computed, does
            not train the student, or is not part of the objective.
        """
        for handle in self._handles:
            handle.remove()
        if self._factor is None:
            return None
        factor = self._factor.double() / self.loss_scale
        loss = [_or_0(g) * factor for g in self._of_loss]
        other = [
            _or_0(g) - own for g, own in zip(self._of_objective, loss)
        ]
        return _squared_norm(loss), _squared_norm(other)

    def _after_loss(self, module, args, output: Tensor) -> None:
        features = self._features()
        if not output.requires_grad or not features:
            return
        # The backward pass does not run under autocast either.
        with torch.autocast(output.device.type, enabled=False):
            self._of_loss = torch.autograd.grad(
                output,
                features,
                torch.full_like(output, self.loss_scale),
                retain_graph=True,
                allow_unused=True)
        self._of_objective = [None] * len(features)
        self._handles.append(output.register_hook(self._keep_factor))
        for i, feature in enumerate(features):
            self._handles.append(feature.register_hook(self._keeper(i)))

    def _keep_factor(self, gradient: Tensor) -> None:
        self._factor = gradient

    def _keeper(self, i: int):
        # Another meter of the same feature calls the hook in the forward pass.
        # The last call is that of the backward pass.
        def keep(gradient: Tensor) -> None:
            self._of_objective[i] = gradient

        return keep

    def _features(self) -> List[Tensor]:
        """The student's records that the loss gets, before connectors."""
        features = []
        for record in self.distiller.loss_forward_mappings[self.name].values():
            if not record['from_student']:
                continue
            recorder = self.distiller.student_recorders.get_recorder(
                record['recorder'])
            features += _differentiable(
                recorder.get_record_data(
                    record.get('record_idx', 0), record.get('data_idx')))
        return features


def _differentiable(data: Any) -> List[Tensor]:
    if isinstance(data, (list, tuple)):
        return [tensor for part in data for tensor in _differentiable(part)]
    return [data] if isinstance(data, Tensor) and data.requires_grad else []


def _or_0(gradient: Optional[Tensor]) -> Union[Tensor, float]:
    return 0. if gradient is None else gradient.double()


def _squared_norm(gradients: List[Tensor]) -> float:
    return sum(gradient.square().sum() for gradient in gradients).item()
