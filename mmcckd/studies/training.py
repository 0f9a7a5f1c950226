"""A run of a study: train and measure a network."""
import gc
import shutil
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import numpy as np
import torch
from mmengine.runner import Runner, TestLoop
from mmrazor.models.architectures.connectors import TorchNNConnector
from torch import Tensor, nn

import mmcckd  # noqa: F401  (registers the components)
from mmcckd.datasets.samplers.cur_sampler import get_labels
from mmcckd.engine import build_runner
from mmcckd.engine.hooks.gradient_ratio_hook import (
    gradient_ratios as recorded_ratios,
)
from mmcckd.functional.feature_structure import cosine_structure

from .learning_curve import LearningCurveHook
from .run import Run
from .run_config import make_config
from .structure import compare_structure, measure_structure
from .study_folder import CHECKPOINT, FEATURES


class Measures(NamedTuple):
    """What is measured in a run.

    Args:
        metrics (Dict[str, float]): Metrics by name; see :func:`train`.
        curve (List[List[float]]): See :class:`.LearningCurveHook`.
    """
    metrics: Dict[str, float]
    curve: List[List[float]]


def train(run: Run, folder: Path, root: Path,
          teacher_folder: Optional[Path] = None,
          superclasses: Optional[Path] = None) -> Measures:
    """Train a network and measure it, in one thread.

    Afterwards the folder holds the log, the config and the last checkpoint, as
    ``tools/train.py`` writes them, and the features of the test split, (n, d),
    float32.

    Args:
        run (Run): The run.
        folder (Path): Its folder; files of an earlier attempt are deleted.
        root (Path): The repository, which configs are relative to.
        teacher_folder (Path, optional): The folder of the teacher's run.
        superclasses (Path, optional): The superclass file of the teacher.

    Returns:
        Measures: If the run chooses a setting, only the accuracy on ``val``,
        in %. Otherwise its learning curve, and

        - the accuracies on ``val`` and ``test``, in %
        - of the test features, see :func:`.measure_structure`, and with a
          teacher that has the same test split, :func:`.compare_structure`
        - with the variables ``retrieval_dataloader`` and
          ``retrieval_evaluator`` in the config, see
          :func:`measure_retrieval`
        - with a CC loss, its weight ``beta``, and ``ratio_early`` and
          ``ratio_late``: the median gradient ratio in the first and the last
          fifth of the training

    Raises:
        ValueError: If the training diverged; see
            :class:`.FiniteWeightsHook`.
    """
    torch.set_num_threads(1)  # so that sums are the same to the last bit
    gc.freeze()  # do not search inherited objects for garbage
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cfg = make_config(run, folder, root, teacher_folder, superclasses)
    if run.teacher is not None:
        teacher_cfg = make_config(run.teacher, teacher_folder, root, None,
                                  None)
        if teacher_cfg.test_dataloader.dataset != cfg.test_dataloader.dataset:
            teacher_folder = None  # nothing to compare the features with
    runner = build_runner(cfg)
    curve = LearningCurveHook()
    if not run.chooses_setting:
        runner.register_hook(curve)
    runner.train()
    (folder / CHECKPOINT).symlink_to(
        Path((folder / 'last_checkpoint').read_text()).name)

    metrics = dict(val=runner.val()['accuracy/top1'])
    if not run.chooses_setting:
        metrics.update(measure_test(runner, folder, teacher_folder))
        if 'retrieval_dataloader' in runner.cfg:
            metrics.update(measure_retrieval(runner))
        metrics.update(gradient_ratios(runner))
    return Measures(
        {name: round(float(m), 6) for name, m in metrics.items()}, curve.curve)


def measure_test(runner: Runner, folder: Path,
                 teacher_folder: Optional[Path]) -> Dict[str, float]:
    """Accuracy and features of the test split; see :func:`train`."""
    with _OutputRecorder(runner.model) as outputs:
        metrics = dict(test=runner.test()['accuracy/top1'])
    features = torch.cat(outputs)
    np.save(folder / FEATURES, features.numpy())
    labels = torch.tensor(get_labels(runner.test_dataloader.dataset))
    metrics.update(measure_structure(features, labels))
    if teacher_folder is not None:
        teacher = torch.from_numpy(np.load(teacher_folder / FEATURES))
        metrics.update(compare_structure(features, teacher, labels))
    return metrics


def measure_retrieval(runner: Runner) -> Dict[str, float]:
    """Retrieval of classes that are not in the training set.

    Args:
        runner (Runner): Its config has ``retrieval_dataloader`` and
            ``retrieval_evaluator``, which is a :class:`.ReIDMetric`.

    Returns:
        Dict[str, float]: ``retrieval_mAP`` and ``retrieval_rank1``, in %, and
        of the features of queries and gallery together
        ``retrieval_intra_class_cosine``, ``…_inter_class_cosine`` and
        ``…_cosine_gap``. The same three with ``projected_`` instead of
        ``retrieval_`` are of the features after the projection, if the
        distiller has one.
    """
    cfg = runner.cfg
    loop = TestLoop(runner, cfg.retrieval_dataloader, cfg.retrieval_evaluator)
    with _OutputRecorder(runner.model) as outputs:
        found = loop.run()
    features = torch.cat(outputs)
    labels = torch.tensor(get_labels(loop.dataloader.dataset))
    metrics = dict(
        retrieval_mAP=100 * found['reid/mAP'],
        retrieval_rank1=100 * found['reid/rank-1'])
    spaces = dict(retrieval=features)
    projection = find_projection(runner.model)
    if projection is not None:
        device = next(projection.parameters()).device
        with torch.no_grad():
            spaces['projected'] = projection(features.to(device)).cpu()
    for name, points in spaces.items():
        structure = cosine_structure(points, labels)._asdict()
        metrics.update({f'{name}_{key}': v for key, v in structure.items()})
    return metrics


def find_projection(model: nn.Module) -> Optional[nn.Module]:
    """The projection of the student's features, if there is one."""
    for module in model.modules():
        if isinstance(module, TorchNNConnector):
            return module
    return None


def gradient_ratios(runner: Runner) -> Dict[str, float]:
    """β and the gradient ratios of the first CC loss; see :func:`train`."""
    for name, history in recorded_ratios(runner).items():
        loss = runner.cfg.model.distiller.distill_losses[name]
        values = [ratio for _, ratio in history]
        fifth = max(1, len(values) // 5)
        return dict(
            beta=loss.get('loss_weight', 1.0),
            ratio_early=np.median(values[:fifth]),
            ratio_late=np.median(values[-fifth:]))
    return {}


class _OutputRecorder:
    """Record the features of a network or of a student, batch by batch."""

    def __init__(self, model: nn.Module) -> None:
        self.neck = getattr(model, 'student', model).neck

    def __enter__(self) -> List[Tensor]:
        outputs = []

        def record(module, inputs, output) -> None:
            if isinstance(output, (tuple, list)):
                output = output[-1]
            outputs.append(output.detach().cpu().float())

        self._handle = self.neck.register_forward_hook(record)
        return outputs

    def __exit__(self, *_) -> None:
        self._handle.remove()
