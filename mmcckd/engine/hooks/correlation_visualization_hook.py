from typing import Any, Dict, List, Optional, Tuple

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop
from mmrazor.models.distillers import ConfigurableDistiller
from torch import Tensor
from torch.nn import functional as F

from mmcckd.functional.feature_structure import cosine_structure, linear_cka
from mmcckd.functional.flatten_features import flatten_features
from mmcckd.models.distillers.gradient_ratio import GradientRatioMeter
from mmcckd.models.distillers.positions import position_connector
from mmcckd.visualization.correlation_picture import draw_correlations

from ..cc_losses import cc_losses, distiller_of
from ..gradient_ratios import read_ratios, start_meters


@HOOKS.register_module()
class CorrelationVisualizationHook(Hook):
    """Visualize the correlations of a distillation during training.

    Every ``interval`` iterations, for each ``CorrelationCongruenceLoss`` of
    the distiller, the hook adds to the visualizer of the runner

    - an image, ``correlations.{loss}``: the correlation matrices of teacher
      and student for the batch, and their difference, sorted by class
      (:func:`.draw_correlations`);
    - scalars, ``correlations.{loss}/…``: ``L_CC``, the loss without its
      weight; ``gradient_ratio``, r as :class:`.GradientRatioHook` measures it;
      ``linear_cka`` of the features of student and teacher; and for each of
      them, such as ``student_cosine_gap``, the mean cosine within and
      between classes and their difference
      (:mod:`mmcckd.functional.feature_structure`).

    The matrices are the inputs of the loss. Training is not changed. The
    features are those of the recorders; for the student, they are the features
    before the projection, as used in a test.

    Only rank 0 draws. Except for ``gradient_ratio``, its values are those of
    its own samples. If a connector gathers features, ``L_CC`` covers the rows
    of rank 0 with the samples of all ranks, as the loss of this rank does.

    If a sample has no single ``gt_label``, the batch is mixed (Mixup or
    CutMix), or positions of maps are compared, the samples are shown in their
    order, and no cosines are computed. Cosines also require two samples of
    the same class, and two classes. After a ``StopDistillHook`` has stopped
    the distillation, nothing is drawn.

    Enable it with ``custom_hooks=[dict(type=
    'CorrelationVisualizationHook')]``.

    Args:
        interval (int): Number of iterations, or epochs, between two images.
            Defaults to 500, with which the hook takes less than 1 % of the
            training time; see ``docs/benchmarks.md``.
        by_epoch (bool): Whether to count epochs. The last batch of the epoch
            is drawn. Defaults to False.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If ``interval`` is less than 1; or, when training starts,
            if the model has no such loss, or ``by_epoch`` is used with a loop
            that has no epochs.
    """

    def __init__(self, interval: int = 500, by_epoch: bool = False) -> None:
        if isinstance(interval, bool) or not isinstance(interval, int):
            raise TypeError('interval must be an int, a number of iterations '
                            f'or epochs, but is {interval!r}.')
        if interval < 1:
            raise ValueError(f'interval must be at least 1, but is {interval};'
                             ' remove the hook to draw nothing.')
        if not isinstance(by_epoch, bool):
            raise TypeError(
                f'by_epoch must be True or False, but is {by_epoch!r}.')
        self.interval = interval
        self.by_epoch = by_epoch
        # The inputs of the losses in this iteration, by name of the loss.
        self._compared: Dict[str, Tuple[Tensor, Tensor]] = {}
        self._handles: List[Any] = []  # of the forward hooks
        self._meters: Dict[str, GradientRatioMeter] = {}

    def before_train(self, runner) -> None:
        cc_losses(runner.model, type(self).__name__)
        if self.by_epoch and not isinstance(runner.train_loop,
                                            EpochBasedTrainLoop):
            raise ValueError(
                'CorrelationVisualizationHook has by_epoch=True, but the '
                f'{type(runner.train_loop).__name__} counts iterations; set '
                'by_epoch=False and an interval in iterations.')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        if not self._is_due(runner, batch_idx):
            return
        self._meters = start_meters(runner, type(self).__name__)
        if runner.rank == 0:
            losses = cc_losses(runner.model, type(self).__name__)
            self._handles = [
                loss.register_forward_hook(
                    self._recording(name), with_kwargs=True)
                for name, loss in losses.items()
            ]

    @torch.no_grad()
    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs: Optional[dict] = None) -> None:
        for handle in self._handles:
            handle.remove()
        ratios = read_ratios(self._meters) if self._meters else {}
        for name, (student, teacher) in self._compared.items():
            self._show(runner, name, student, teacher, _labels(data_batch),
                       ratios.get(name))
        self._handles = []
        self._meters = {}
        self._compared = {}

    def _is_due(self, runner, batch_idx: int) -> bool:
        if self.by_epoch:
            return self.every_n_epochs(
                runner, self.interval) and self.end_of_epoch(
                    runner.train_dataloader, batch_idx)
        return self.every_n_train_iters(runner, self.interval)

    def _recording(self, name: str):

        def record(loss, args, kwargs, output):
            self._compared[name] = tuple(
                kwargs[side].detach().cpu().double()
                for side in ('preds_S', 'preds_T'))

        return record

    def _show(self, runner, name: str, student: Tensor, teacher: Tensor,
              labels: Optional[Tensor], ratio: Optional[float]) -> None:
        n = len(student)
        distiller = distiller_of(runner.model, type(self).__name__)
        record = distiller.loss_forward_mappings[name]['preds_S']
        if labels is not None and (len(labels) != n or position_connector(
                distiller.connectors, record)):
            labels = None  # those of images, but the samples are others
        step = runner.iter + 1  # as MMEngine's LoggerHook counts
        measures = dict(L_CC=F.mse_loss(student, teacher))
        if ratio is not None:
            measures.update(gradient_ratio=ratio)
        measures.update(_measure_features(distiller, name, labels, n))
        runner.visualizer.add_scalars(
            {
                f'correlations.{name}/{measure}': float(value)
                for measure, value in measures.items() if value == value
            },
            step=step)
        # Gathered columns are in the order of the ranks, rank 0 first.
        student, teacher, labels = sort_by_class(student[:, :n],
                                                 teacher[:, :n], labels)
        runner.visualizer.add_image(
            f'correlations.{name}',
            draw_correlations(
                student.numpy(),
                teacher.numpy(),
                None if labels is None else labels.numpy(),
                title=f'{name}, iteration {step}: '
                f'L_CC = {measures["L_CC"]:.3g}'),
            step=step)


def sort_by_class(student: Tensor, teacher: Tensor, labels: Optional[Tensor]
                  ) -> Tuple[Tensor, Tensor, Optional[Tensor]]:
    """Sort the samples of correlation matrices by class.

    Args:
        student (Tensor): Correlation matrix of the student, (n, n).
        teacher (Tensor): Correlation matrix of the teacher, (n, n).
        labels (Tensor, optional): The class of each sample, (n, ). If None,
            the inputs are returned.

    Returns:
        tuple: The sorted matrices of student and teacher, and the sorted
        labels.
    """
    if labels is None:
        return student, teacher, None
    order = labels.argsort(stable=True)
    return student[order][:, order], teacher[order][:, order], labels[order]


def _labels(data_batch: Any) -> Optional[Tensor]:
    """Return the class of each sample, or None if it is not unique."""
    samples = data_batch.get('data_samples') if isinstance(
        data_batch, dict) else None
    labels = [getattr(sample, 'gt_label', None) for sample in samples or ()]
    scores = [getattr(sample, 'gt_score', None) for sample in samples or ()]
    if any(score is not None and score.max() < 1 for score in scores):
        return None  # the batch is mixed, but gt_label is unchanged
    if not labels or not all(
            isinstance(label, Tensor) and label.numel() == 1
            for label in labels):
        return None
    return torch.cat([label.reshape(1) for label in labels]).cpu()


def _measure_features(distiller: ConfigurableDistiller, name: str,
                      labels: Optional[Tensor], n: int) -> Dict[str, float]:
    """Measure the recorded features if there is one for each of n samples."""
    measures, features = {}, []
    for side, owner in (('preds_S', 'student'), ('preds_T', 'teacher')):
        record = dict(distiller.loss_forward_mappings[name][side])
        record.pop('connector', None)
        record.pop('connector_idx', None)
        try:
            feature = flatten_features(
                distiller.get_record(**record), 'CorrelationVisualizationHook')
        except (TypeError, ValueError):
            return {}  # only the connector turns the record into features
        if len(feature) != n:
            return {}  # it has selected positions of maps
        features.append(feature.cpu())
        if labels is not None:
            structure = cosine_structure(features[-1], labels)
            for measure, value in structure._asdict().items():
                measures[f'{owner}_{measure}'] = value
    measures['linear_cka'] = linear_cka(*features)
    return measures
