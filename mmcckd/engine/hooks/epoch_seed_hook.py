import random
from typing import Any, Optional

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch import Tensor
from torch.utils.data import get_worker_info

from mmcckd.datasets.wrappers import base_datasets

# What draws: the main process when it loads data and when it trains, and the
# first of the workers.
LOADING, TRAINING, WORKER = range(3)


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Draw the randomness of an epoch from (seed, epoch).

    At the start of each training epoch it seeds the generators of Python,
    NumPy and PyTorch, in the main process and in those that load the data,
    persistent or not. So a run that is resumed after an epoch augments images
    and drops units just as the undisturbed run would have done; MMEngine seeds
    them once a process, and a resumed run repeats the first epoch's crops.

    On the same number of ranks and of ``num_workers``, that is. Loops by
    iterations have one epoch and are seeded once.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        # Shared with the workers, which live on from epoch to epoch.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        for dataset in base_datasets(runner.train_dataloader.dataset):
            if hasattr(dataset, 'pipeline'):
                dataset.pipeline = _SeededPipeline(
                    dataset.pipeline, self._epoch, runner.seed, runner.rank)

    def before_train_epoch(self, runner) -> None:
        self._epoch.fill_(runner.epoch)
        _seed_everything(runner.seed, runner.epoch, runner.rank, LOADING)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        # Starting workers has drawn from the generator of this process, and
        # those that live on are not started again.
        if batch_idx == 0:
            _seed_everything(runner.seed, runner.epoch, runner.rank, TRAINING)


class _SeededPipeline:
    """A pipeline that seeds its worker when an epoch has begun."""

    def __init__(self, pipeline, epoch: Tensor, seed: int, rank: int) -> None:
        self.pipeline = pipeline
        self.epoch = epoch
        self.seed = seed
        self.rank = rank
        self.seeded_epoch: Optional[int] = None

    def __call__(self, data: dict) -> Any:
        worker = get_worker_info()
        epoch = int(self.epoch)
        if worker is not None and epoch != self.seeded_epoch:
            _seed_everything(self.seed, epoch, self.rank, WORKER + worker.id)
            self.seeded_epoch = epoch
        return self.pipeline(data)

    @property
    def transforms(self) -> list:
        return self.pipeline.transforms


def _seed_everything(*entropy: int) -> None:
    python, numpy, pytorch = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(python))
    np.random.seed(numpy)
    torch.manual_seed(int(pytorch))
