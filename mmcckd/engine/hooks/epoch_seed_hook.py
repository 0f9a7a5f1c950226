import random
from typing import Any, List, Optional

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.utils.data import Dataset, get_worker_info

# Streams of random numbers: the main process when it loads data and when it
# trains, and the first worker.
LOADING, TRAINING, WORKER = range(3)


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed the random generators in each epoch with (seed, epoch).

    At the start of each training epoch, the hook seeds the generators of
    Python, NumPy and PyTorch, in the main process and in the worker processes
    that load data, persistent or not. A run that is resumed after an epoch
    then has the same augmentation and dropout as an uninterrupted run.
    MMEngine seeds the generators once per process, so a resumed run would
    repeat the random crops of the first epoch.

    The number of ranks and ``num_workers`` must stay the same. In loops that
    count iterations, there is one epoch; workers that are restarted within it,
    after all data were used, get a new seed. MMEngine resumes these loops by
    loading the batches before, so without workers, the augmentation continues
    as well, if NumPy's generator is used for nothing else.

    Each worker is seeded once per epoch, also if the data set is a
    ``ConcatDataset``, or contains another one twice. Pipelines are not
    changed, so other hooks may change them.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        dataset = runner.train_dataloader.dataset
        self._items = _SeededItems(dataset, runner.seed, runner.rank)
        dataset.__getitems__ = self._items

    def before_train_epoch(self, runner) -> None:
        self._items.epoch.fill_(runner.epoch)
        self._items.started = 0
        self._items.is_first = True
        _seed_everything(runner.seed, runner.epoch, runner.rank, LOADING)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None
                          ) -> None:
        self._items.started = batch_idx
        # Starting workers draws from the generator of this process, but
        # persistent workers are started only once.
        if batch_idx == 0:
            _seed_everything(runner.seed, runner.epoch, runner.rank, TRAINING)


class _SeededItems:
    """The ``__getitems__`` of a data set, which seeds its worker.

    PyTorch's data loader calls it to get a batch. In the first call of an
    epoch, the worker is seeded.

    Args:
        dataset (Dataset): The data set with its wrappers.
        seed (int): Seed of the run.
        rank (int): Rank of this process.
    """

    def __init__(self, dataset: Dataset, seed: int, rank: int) -> None:
        self.dataset = dataset
        self.seed = seed
        self.rank = rank
        # Shared with the workers, which may be persistent.
        self.epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        # The iteration in which workers are started; each has a copy.
        self.started = 0
        self.seeded_epoch: Optional[int] = None
        self.is_first = False  # whether the next batch is the first

    def __call__(self, indices: List[int]) -> List[Any]:
        worker = get_worker_info()
        epoch = int(self.epoch)
        if worker is not None and epoch != self.seeded_epoch:
            _seed_everything(self.seed, epoch, self.rank, WORKER + worker.id,
                             self.started)
            self.seeded_epoch = epoch
        items = self._load(indices)
        if worker is None and self.is_first:
            # As before the first iteration, which a resumed loop skips.
            self.is_first = False
            _seed_everything(self.seed, epoch, self.rank, TRAINING)
        return items

    def _load(self, indices: List[int]) -> List[Any]:
        get_items = getattr(type(self.dataset), '__getitems__', None)
        if get_items is not None:
            return get_items(self.dataset, indices)
        return [self.dataset[index] for index in indices]


def _seed_everything(*entropy: int) -> None:
    python, numpy, pytorch = np.random.SeedSequence(entropy).generate_state(3)
    random.seed(int(python))
    np.random.seed(numpy)
    torch.manual_seed(int(pytorch))
