"""Measure the validation accuracy during a training."""
from typing import Any, List

import numpy as np
import torch
from mmengine.hooks import Hook

POINTS = 8
SAMPLES = 2000
BATCH = 250


class LearningCurveHook(Hook):
    """Record the validation accuracy at 8 equally spaced iterations.

    The last one is the end of the training. The accuracy is measured on at
    most 2,000 samples, which are equally spaced in the validation split, so
    that it takes a small part of the run time. The training does not depend on
    it.

    Attributes:
        curve (List[List[float]]): [iteration, top-1 accuracy in %].
    """

    priority = 'VERY_LOW'  # after hooks that change the weights

    def __init__(self) -> None:
        self.curve: List[List[float]] = []

    def before_train(self, runner: Any) -> None:
        """Load the samples."""
        total = runner.max_iters
        self._marks = {total * i // POINTS for i in range(1, POINTS + 1)}
        dataset = runner.val_dataloader.dataset
        chosen = np.unique(
            np.linspace(0, len(dataset) - 1, SAMPLES).round().astype(int))
        self._batches = []
        for start in range(0, len(chosen), BATCH):
            batch = runner.model.data_preprocessor(
                runner.val_dataloader.collate_fn(
                    [dataset[i] for i in chosen[start:start + BATCH]]))
            labels = torch.cat([s.gt_label for s in batch['data_samples']])
            self._batches.append((batch['inputs'], labels))

    def after_train_iter(self, runner: Any, *_, **__) -> None:
        """Measure the accuracy at the chosen iterations."""
        iteration = runner.iter + 1
        if iteration in self._marks:
            self.curve.append([iteration, round(self._measure(runner.model),
                                                4)])

    @torch.no_grad()
    def _measure(self, model: torch.nn.Module) -> float:
        model.eval()
        student = getattr(model, 'student', model)
        hits = []
        for inputs, labels in self._batches:
            scores = student(inputs, mode='tensor')
            hits.append(scores.argmax(1) == labels)
        model.train()
        return 100 * torch.cat(hits).float().mean().item()
