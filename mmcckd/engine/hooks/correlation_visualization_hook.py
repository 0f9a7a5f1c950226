from typing import Any, Dict, List, Optional, Tuple

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop
from mmrazor.models.distillers import ConfigurableDistiller
from torch import Tensor, nn
from torch.nn import functional as F

from mmcckd.evaluation.structure import cosine_structure, linear_cka
from mmcckd.models.connectors.flatten_features import flatten_features
from mmcckd.models.losses import CorrelationCongruenceLoss
from mmcckd.visualization.correlation_picture import draw_correlations


@HOOKS.register_module()
class CorrelationVisualizationHook(Hook):
    """Show the correlations that a distillation compares, while it trains.

    Every ``interval`` iterations, for each ``CorrelationCongruenceLoss`` of
    the distiller, it gives the runner's visualizer

    - a picture, ``correlations.{loss}``: the teacher's and the student's
      correlation matrix of the batch and their difference, sorted by class
      (:func:`.draw_correlations`);
    - scalars, ``correlations.{loss}/…``: ``L_CC``, the loss without its
      weight; ``linear_cka`` of the student's and the teacher's features; and
      of both, such as ``student_cosine_gap``, the mean cosine within and
      between classes and their gap (:mod:`mmcckd.evaluation.structure`).

    The matrices are the very ones that the loss was given, so nothing is
    computed twice and training is not changed. The features are what the
    recorders heard: of the student before its projection, as at test time.

    Only rank 0 draws, without talking to the others. Where a connector
    gathers, ``L_CC`` is that of its rows with the samples of all ranks, as
    its loss is, and the picture shows its own samples.

    Samples without a single ``gt_label``, and batches that were mixed, as
    Mixup does, are shown in the order of the batch, and have no cosines; nor
    have batches without two samples of a class, or without two classes. Once a
    ``StopDistillHook`` has stopped the distillation, nothing is drawn.

    To switch it on: ``custom_hooks=[dict(type=
    'CorrelationVisualizationHook')]``.

    Args:
        interval (int): Draw every so many iterations, or epochs. Defaults to
            500, which keeps it below 1 % of the training time; see
            ``docs/benchmarks.md``.
        by_epoch (bool): Whether to count epochs and draw the last batch of
            one. Defaults to False.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If ``interval`` is below 1; when training starts, if the
            model has no such loss, or ``by_epoch`` meets a loop that has no
            epochs.
    """

    def __init__(self, interval: int = 500, by_epoch: bool = False) -> None:
        if isinstance(interval, bool) or not isinstance(interval, int):
            raise TypeError('interval must be an int, a number of iterations '
                            f'or epochs, but is {interval!r}.')
        if interval < 1:
            raise ValueError(f'interval must be at least 1, but is {interval};'
                             ' leave the hook out to draw nothing.')
        if not isinstance(by_epoch, bool):
            raise TypeError(
                f'by_epoch must be True or False, but is {by_epoch!r}.')
        self.interval = interval
        self.by_epoch = by_epoch
        # What the losses of this iteration were given, by their names.
        self._compared: Dict[str, Tuple[Tensor, Tensor]] = {}
        self._listeners: List[Any] = []

    def before_train(self, runner) -> None:
        _cc_losses(_distiller(runner.model))
        if self.by_epoch and not isinstance(runner.train_loop,
                                            EpochBasedTrainLoop):
            raise ValueError(
                'CorrelationVisualizationHook got by_epoch=True, but the '
                f'{type(runner.train_loop).__name__} counts iterations alone; '
                'give it by_epoch=False and an interval of iterations.')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        if runner.rank == 0 and self._is_due(runner, batch_idx):
            losses = _cc_losses(_distiller(runner.model))
            self._listeners = [
                loss.register_forward_hook(
                    self._listen(name), with_kwargs=True)
                for name, loss in losses.items()
            ]

    @torch.no_grad()
    def after_train_iter(self,
                         runner,
                         batch_idx: int,
                         data_batch=None,
                         outputs: Optional[dict] = None) -> None:
        for listener in self._listeners:
            listener.remove()
        for name, (student, teacher) in self._compared.items():
            self._show(runner, name, student, teacher, _labels(data_batch))
        self._listeners = []
        self._compared = {}

    def _is_due(self, runner, batch_idx: int) -> bool:
        if self.by_epoch:
            return self.every_n_epochs(
                runner, self.interval) and self.end_of_epoch(
                    runner.train_dataloader, batch_idx)
        return self.every_n_train_iters(runner, self.interval)

    def _listen(self, name: str):

        def keep(loss, args, kwargs, output):
            self._compared[name] = tuple(
                kwargs[side].detach().cpu().double()
                for side in ('preds_S', 'preds_T'))

        return keep

    def _show(self, runner, name: str, student: Tensor, teacher: Tensor,
              labels: Optional[Tensor]) -> None:
        n = len(student)
        if labels is not None and len(labels) != n:
            labels = None
        step = runner.iter + 1  # as MMEngine's LoggerHook counts
        measures = dict(L_CC=F.mse_loss(student, teacher))
        measures.update(
            _measure_features(_distiller(runner.model), name, labels))
        runner.visualizer.add_scalars(
            {
                f'correlations.{name}/{measure}': float(value)
                for measure, value in measures.items() if value == value
            },
            step=step)
        # Gathered columns are those of the ranks in their order, 0 first.
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
    """Both matrices with the samples sorted by class, and the labels.

    Args:
        student (Tensor): Correlation matrix, (n, n).
        teacher (Tensor): The teacher's, (n, n).
        labels (Tensor, optional): The class of each sample, (n, ). None
            leaves all as it is.
    """
    if labels is None:
        return student, teacher, None
    order = labels.argsort(stable=True)
    return student[order][:, order], teacher[order][:, order], labels[order]


def _distiller(model: nn.Module) -> ConfigurableDistiller:
    if is_model_wrapper(model):
        model = model.module
    distiller = getattr(model, 'distiller', None)
    if not isinstance(distiller, ConfigurableDistiller):
        raise ValueError(
            'CorrelationVisualizationHook shows what a ConfigurableDistiller '
            f'compares, but the model, a {type(model).__name__}, has none; '
            'give it a model such as FrozenTeacherDistill, or leave it out of '
            'custom_hooks.')
    return distiller


def _cc_losses(distiller: ConfigurableDistiller
               ) -> Dict[str, CorrelationCongruenceLoss]:
    """Those that are computed, by their names."""
    found = {
        name: distiller.distill_losses[name]
        for name in distiller.loss_forward_mappings
    }
    losses = {
        name: loss
        for name, loss in found.items()
        if isinstance(loss, CorrelationCongruenceLoss)
    }
    if not losses:
        names = ', '.join(f'{name} ({type(loss).__name__})'
                          for name, loss in found.items())
        raise ValueError(
            'CorrelationVisualizationHook shows what a '
            'CorrelationCongruenceLoss compares, but loss_forward_mappings '
            f'has none, only: {names or "nothing"}. Add one (see '
            'configs/_base_/distillers/cckd.py), or leave the hook out of '
            'custom_hooks.')
    return losses


def _labels(data_batch: Any) -> Optional[Tensor]:
    """The class of each sample, if each has one."""
    samples = data_batch.get('data_samples') if isinstance(
        data_batch, dict) else None
    labels = [getattr(sample, 'gt_label', None) for sample in samples or ()]
    scores = [getattr(sample, 'gt_score', None) for sample in samples or ()]
    if any(score is not None and score.max() < 1 for score in scores):
        return None  # mixed, which leaves the gt_label as it was
    if not labels or not all(
            isinstance(label, Tensor) and label.numel() == 1
            for label in labels):
        return None
    return torch.cat([label.reshape(1) for label in labels]).cpu()


def _measure_features(distiller: ConfigurableDistiller, name: str,
                      labels: Optional[Tensor]) -> Dict[str, float]:
    """Of what the recorders heard, where it is one feature a sample."""
    measures, features = {}, []
    for side, owner in (('preds_S', 'student'), ('preds_T', 'teacher')):
        record = dict(distiller.loss_forward_mappings[name][side])
        record.pop('connector', None)
        record.pop('connector_idx', None)
        try:
            feature = flatten_features(
                distiller.get_record(**record), 'CorrelationVisualizationHook')
        except (TypeError, ValueError):
            return {}  # a connector makes something of it that can be
        features.append(feature.cpu())
        if labels is not None:
            structure = cosine_structure(features[-1], labels)
            for measure, value in structure._asdict().items():
                measures[f'{owner}_{measure}'] = value
    measures['linear_cka'] = linear_cka(*features)
    return measures
