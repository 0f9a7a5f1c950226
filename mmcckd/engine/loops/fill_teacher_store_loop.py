from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, barrier, get_dist_info
from mmengine.registry import LOOPS
from mmengine.runner import BaseLoop, Runner
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmcckd.datasets.repeatable_views import RepeatableViews
from mmcckd.models.algorithms.stored_teacher import StoredTeacher
from mmcckd.progress_bar import CoarseProgressBar
from mmcckd.teacher_store import StoreSettings, TeacherStore

from ..hooks import TeacherStoreHook
from ..unwrapped_model import unwrapped


@LOOPS.register_module()
class FillTeacherStoreLoop(BaseLoop):
    """Fill the teacher store of a model, in the place of a training loop.

    The teacher runs on all views of all samples whose rows are missing in the
    store. The student is not trained. Of R ranks, rank r has the samples r,
    r + R, r + 2R and so on.

    The samples of a rank are divided into batches in their order, and a batch
    is computed completely if a row of it is missing. So each row is always
    computed in the same batch, and has the same bits, whatever is stored
    already.

    Args:
        runner (Runner): The runner. Its model has a ``teacher_store``.
        dataloader (dict | DataLoader): The data loader of the training. Its
            batches are not used.
        training (dict, optional): ``max_epochs`` or ``max_iters`` of a
            training; only the views that it shows are stored. Defaults to
            None: all views.
    """

    # Read by the runner and by hooks.
    epoch = iter = max_epochs = max_iters = 0

    def __init__(self,
                 runner: Runner,
                 dataloader: Union[dict, DataLoader],
                 training: Optional[Dict[str, int]] = None) -> None:
        super().__init__(runner, dataloader)
        self.training = training

    def run(self) -> nn.Module:
        """Fill the store, and return the model."""
        self.runner.call_hook('before_train')
        model = unwrapped(self.runner.model)
        teacher = model.stored_teacher
        loader = self.dataloader
        rows = _IncompleteBatches(teacher.store, list(teacher.sources),
                                  teacher.batch_size, self._views(teacher))
        progress = _Progress(rows.count())
        batches = DataLoader(
            _AllViews(loader.dataset, teacher.store.settings),
            batch_sampler=rows,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            pin_memory=loader.pin_memory,
            prefetch_factor=loader.prefetch_factor,
            worker_init_fn=loader.worker_init_fn,
            multiprocessing_context=loader.multiprocessing_context)
        hook, = (hook for hook in self.runner.hooks
                 if isinstance(hook, TeacherStoreHook))
        for i, batch in enumerate(batches):
            hook.before_train_iter(self.runner, i, batch)
            data = model.data_preprocessor(batch, True)
            teacher.fill_batch(data['inputs'], data['data_samples'])
            progress.update(len(data['inputs']))
        progress.end()
        return self.runner.model

    def _views(self, teacher: StoredTeacher) -> int:
        """The number of views to store."""
        views = teacher.settings.views
        if self.training is None:
            return views
        passes = self.training.get('max_epochs')
        if passes is None:
            passes = -(-self.training['max_iters'] // len(self.dataloader))
        return min(views, passes)


class _AllViews(Dataset):
    """All views of a data set: row view · N + i is that view of sample i."""

    def __init__(self, dataset: Dataset, settings: StoreSettings) -> None:
        self.views = RepeatableViews(dataset, settings.views, settings.seed)
        self.num_samples = len(dataset)

    def __getitems__(self, rows: List[int]) -> List[Any]:
        """Load rows of one view."""
        view = rows[0] // self.num_samples
        return self.views.load([row % self.num_samples for row in rows], view)


class _IncompleteBatches:
    """The batches of this rank in which rows are missing, view by view.

    A batch has rows of one view.
    """

    def __init__(self, store: TeacherStore, sources: List[str],
                 batch_size: int, views: int) -> None:
        self.store = store
        self.sources = sources
        self.batch_size = batch_size
        self.views = views
        rank, world_size = get_dist_info()
        self.samples = np.arange(rank, store.num_samples, world_size)

    def __iter__(self) -> Iterator[List[int]]:
        for view, samples in self._batches():
            yield (view * self.store.num_samples + samples).tolist()

    def count(self) -> int:
        """The number of rows."""
        return sum(len(samples) for _, samples in self._batches())

    def _batches(self) -> Iterator[Tuple[int, np.ndarray]]:
        """Yield the view and the samples of each batch."""
        for view in range(self.views):
            views = np.full_like(self.samples, view)
            missing = self.store.missing(views, self.samples, self.sources)
            for i in range(0, len(missing), self.batch_size):
                batch = slice(i, i + self.batch_size)
                if missing[batch].any():
                    yield view, self.samples[batch]


class _Progress:
    """A progress bar on rank 0, which estimates the progress of the others.

    Args:
        rows (int): The number of rows of this rank.
    """

    def __init__(self, rows: int) -> None:
        rank, self.world_size = get_dist_info()
        total = torch.tensor(rows, device=get_device())
        all_reduce(total)
        self.left = int(total)
        self.bar = CoarseProgressBar(
            self.left) if rank == 0 and self.left else None

    def update(self, rows: int) -> None:
        """Count rows of this rank, and as many of each other rank."""
        rows = min(rows * self.world_size, self.left)
        if self.bar is not None and rows:
            self.bar.update(rows)
        self.left -= rows

    def end(self) -> None:
        """Wait for the other ranks, and count the rows that are left."""
        barrier()
        self.update(self.left)
