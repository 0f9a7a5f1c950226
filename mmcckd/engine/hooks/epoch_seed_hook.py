import random
from typing import Any, List, Optional

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.utils.data import Dataset, get_worker_info

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
    iterations have one epoch and are seeded once; workers that are started
    again within it, since all data was seen, get another seed.

    A worker is seeded once an epoch, whatever the data set is made of: parts
    that a ``ConcatDataset`` joins, or one that stands in it twice. The
    pipelines are left as they are, so a hook may change them.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        dataset = runner.train_dataloader.dataset
        self._items = _SeededItems(dataset, runner.seed, runner.rank)
        dataset.__getitems__ = self._items

    def before_train_epoch(self, runner) -> None:
        self._items.epoch.fill_(runner.epoch)
        self._items.started = 0
        _seed_everything(runner.seed, runner.epoch, runner.rank, LOADING)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        self._items.started = batch_idx
        # Starting workers has drawn from the generator of this process, and
        # those that live on are not started again.
        if batch_idx == 0:
            _seed_everything(runner.seed, runner.epoch, runner.rank, TRAINING)


class _SeededItems:
    """A data set's ``__getitems__``, by which torch's loader gets a batch; it
    seeds its worker when an epoch has begun.

    Args:
        dataset (Dataset): The data set, with all its wrappers.
        seed (int): The run's.
        rank (int): Of this process.
    """

    def __init__(self, dataset: Dataset, seed: int, rank: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self.rank = rank
        # Shared with the workers, which may live on from epoch to epoch.
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        # The iteration at which workers are started; each has a copy.
        self.started = 0
        self.seeded_epoch: Optional[int] = None

    def __call__(self, indices: List[int]) -> List[Any]:
        worker = get_worker_info()
        epoch = int(self.epoch)
        if worker is not None and epoch != self.seeded_epoch:
            _seed_everything(self.seed, epoch, self.rank, WORKER + worker.id,
                             self.started)
            self.seeded_epoch = epoch
        get_items = getattr(type(self.dataset), '__getitems__', None)
        if get_items is not None:
            return get_items(self.dataset, indices)
        return [self.dataset[index] for index in indices]


def _seed_everything(*entropy: int) -> None:
    python, numpy, pytorch = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(python))
    np.random.seed(numpy)
    torch.manual_seed(int(pytorch))
