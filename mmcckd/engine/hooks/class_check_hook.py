from typing import Any, Optional

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmpretrain.evaluation import Accuracy

from mmcckd.datasets.samplers import CURSampler
from mmcckd.datasets.wrappers import base_datasets

from ..unwrapped_model import unwrapped

IGNORED = -100  # ignore_index of PyTorch's and MMPretrain's cross-entropy


@HOOKS.register_module()
class ClassCheckHook(Hook):
    """Check labels and metrics against the number of classes of the head.

    Without this hook, a label out of range ends a run on a GPU with the error
    "device-side assert triggered", and a top-k accuracy with k larger than
    the number of classes raises an error after the first epoch. This hook
    checks class folders, the classes of :class:`.CURSampler` and k before the
    first iteration, and the labels of each batch while they are on the CPU.

    ``tools/train.py`` and ``tools/test.py`` register the hook. In a
    distillation, the head of the student is used. A head without
    ``num_classes`` is not checked.

    Raises:
        ValueError: If there are more class folders than classes, the labels
            have more classes than the head or are out of range, or k of
            ``Accuracy`` is larger than the number of classes.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Check the classes of the data, and the metrics of the validation."""
        classes = num_classes(runner)
        if classes is None:
            return
        for dataset in base_datasets(runner.train_dataloader.dataset):
            folders = getattr(dataset, 'folder_to_idx', None) or ()
            if len(folders) > classes:
                raise ValueError(
                    f'{dataset.img_prefix} has {len(folders):,} class folders,'
                    f' but the head has num_classes={classes}. '
                    f'{_advice(runner)}')
        sampler = runner.train_dataloader.batch_sampler
        if isinstance(sampler, CURSampler) and sampler.num_groups > classes:
            raise ValueError(
                f'The samples of train_dataloader have {sampler.num_groups:,} '
                f'classes, but the head has num_classes={classes}. '
                f'{_advice(runner)}')
        _check_topk('val', runner.val_loop, classes)

    def before_test(self, runner: Runner) -> None:
        """Check the metrics of the test."""
        classes = num_classes(runner)
        if classes is not None:
            _check_topk('test', runner.test_loop, classes)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Check the labels of a batch."""
        classes = num_classes(runner)
        if classes is None or not isinstance(data_batch, dict):
            return  # some loops pass several batches at once
        samples = data_batch.get('data_samples') or ()
        samples = [sample for sample in samples if 'gt_label' in sample]
        if not samples:
            return
        labels = torch.cat([sample.gt_label.flatten() for sample in samples])
        wrong = (labels >= classes) | ((labels < 0) & (labels != IGNORED))
        if not wrong.any():
            return
        for sample in samples:
            label = [x for x in sample.gt_label.flatten().tolist()
                     if not 0 <= x < classes and x != IGNORED]
            if label:
                raise ValueError(
                    f'The sample {sample.get("img_path", "without a path")} '
                    f'has the label {label[0]}, but the head has num_classes='
                    f'{classes}, so labels are 0 to {classes - 1}. '
                    f'{_advice(runner)}')


def num_classes(runner: Runner) -> Optional[int]:
    """Return ``num_classes`` of the head of the model or its student."""
    model = unwrapped(runner.model)
    head = getattr(getattr(model, 'student', model), 'head', None)
    return getattr(head, 'num_classes', None)


def _check_topk(part: str, loop: Any, classes: int) -> None:
    for metric in getattr(getattr(loop, 'evaluator', None), 'metrics', ()):
        if isinstance(metric, Accuracy) and max(metric.topk) > classes:
            raise ValueError(
                f'{part}_evaluator asks for the top-{max(metric.topk)} '
                f'accuracy, but the head has num_classes={classes}. Set '
                f'{part}_evaluator.topk to at most {classes}, such as (1, ).')


def _advice(runner: Runner) -> str:
    key = 'model.architecture.head' if runner.cfg.model.get(
        'architecture') else 'model.head'
    return (f'Set {key}.num_classes, and num_classes of other components, or '
            'correct the labels of the data set.')
