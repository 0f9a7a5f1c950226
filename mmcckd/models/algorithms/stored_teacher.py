"""Records of a frozen teacher from a teacher store."""
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

from mmcckd.teacher_store import (
    RecordLayout,
    StoreSettings,
    TeacherStore,
    flatten,
    unflatten,
)

from ..copy_to import copy_to
from .stored_difference import TOLERANCE, difference
from .stored_sources import (
    check_storable,
    top_k_by_source,
    used_sources,
    warn_of_temperatures,
)

ADD_HOOK = ("add custom_hooks=[dict(type='TeacherStoreHook')] to the config, "
            'or build the runner with mmcckd.engine.build_runner')
INDEPENDENT = ('A teacher store needs records that do not depend on the other '
               'samples of a batch.')


class StoredTeacher:
    """What the recorders of a teacher record, read from a teacher store.

    The records of a batch are read from the store. What is missing there is
    computed and stored before, so a run gets the same values whether it fills
    the store or finds it filled. If nothing is missing, the teacher is not
    used.

    The last bits of a network's outputs depend on the size of the batch, but,
    for one size, not on the other samples in it. So for a store of float32
    numbers, a batch of missing samples is filled up with copies to the size of
    the batches in training. The store then has the same bits, however it was
    filled. Float16 numbers are rounded more than that, so these batches are
    not filled up, except by :meth:`fill_batch`.

    Args:
        settings (StoreSettings): The ``teacher_store`` of the model.
        model (FrozenTeacherDistill): The model. Those teacher recorders of its
            distiller that a loss uses are stored.

    Attributes:
        sources (Dict[str, List[str]]): Names of recorders by source, which is
            the key of their records in the store, such as
            "ModuleOutputs:head.fc".
        store (TeacherStore, optional): The store, None if it is not open.
        teacher_identity (Dict[str, str]): What the store knows of the teacher,
            while it is open.
        batch_size (int): Size of the batches in training. Defaults to 1.

    Raises:
        ValueError: If there are deliveries or batch augmentations, a loss uses
            parameters of the teacher, or ``top_k`` does not fit the recorders.
    """

    def __init__(self, settings: StoreSettings, model: nn.Module) -> None:
        self.settings = settings
        self.model = model
        self.recorders = model.distiller.teacher_recorders.recorders
        self.store: Optional[TeacherStore] = None
        self.teacher_identity: Dict[str, str] = {}
        self.layouts: Dict[str, RecordLayout] = {}
        self.batch_size = 1
        check_storable(model)
        self.sources = used_sources(model.distiller)
        self.top_k = top_k_by_source(self.sources, settings.top_k or {})
        warn_of_temperatures(model.distiller, settings.top_k or {})

    def probe(self, images: Tensor, data_samples: List[BaseDataElement]
              ) -> Dict[str, RecordLayout]:
        """Run the teacher on some images to learn what is recorded.

        The teacher is not prepared for inference, which takes time.

        Args:
            images (Tensor): Images, (n, c, h, w), at least 2.
            data_samples (List[BaseDataElement]): Their n samples.

        Returns:
            Dict[str, RecordLayout]: The layout of the records by source.

        Raises:
            ValueError: If a record cannot be stored. The message names the
                recorder.
        """
        self.model.ready_teacher(images.device)
        layouts, alone = {}, {}
        for n in (1, len(images)):
            self.model.run_teacher(images[:n], data_samples[:n], prepare=False)
            for source, (name, *_) in self.sources.items():
                try:
                    layout = self._layout(source, n)
                    if layout != layouts.setdefault(source, layout):
                        raise ValueError(
                            f'a sample has the shapes {layout.shapes} in a '
                            f'batch of {n}, but {layouts[source].shapes} in a '
                            f'batch of 1. {INDEPENDENT}')
                    row = [leaf[:1] for leaf in self.leaves(source, n)]
                    change = difference(row, alone.setdefault(source, row))
                    if not change <= TOLERANCE:  # NaN is wrong
                        raise ValueError(
                            f'the record of a sample in a batch of {n} '
                            f'differs by {change:.0%} from that in a batch of '
                            f'1. {INDEPENDENT}')
                except ValueError as error:
                    raise ValueError(
                        f'teacher_recorders.{name} ({source}) cannot be '
                        f'stored: {error}') from error
        return layouts

    def _layout(self, source: str, batch_size: int) -> RecordLayout:
        structure, leaves = self._flatten(source, batch_size)
        return RecordLayout(structure, [leaf.shape[1:] for leaf in leaves],
                            self.top_k[source])

    def open(self, layouts: Dict[str, RecordLayout], num_samples: int,
             identity: Dict[str, Any]) -> None:
        """Open the store, or create it.

        Args:
            layouts (Dict[str, RecordLayout]): By source.
            num_samples (int): Number of samples of the training set.
            identity (Dict[str, Any]): What the store belongs to.

        Raises:
            OSError: If there is not enough space, or the file system has no
                locks or memory maps.
            ValueError: If it belongs to something else.
        """
        store = TeacherStore(self.settings, num_samples, identity)
        store.add(layouts)
        self.store, self.layouts = store, layouts

    def close(self) -> None:
        """Do not use the store any longer, since the teacher changes."""
        self.store = None

    def fill(self, images: Tensor,
             data_samples: Optional[List[BaseDataElement]]
             ) -> Tuple[np.ndarray, np.ndarray]:
        """Compute and store what is missing of a batch.

        Args:
            images (Tensor): Images, (n, c, h, w).
            data_samples (List[BaseDataElement]): Their n samples, loaded by
                :class:`.RepeatableViews`.

        Returns:
            Tuple[np.ndarray, np.ndarray]: Their views and indices, each (n, ).

        Raises:
            ValueError: If the store is not open, or the samples do not say
                their index and view.
        """
        views, samples = self.rows(data_samples)
        missing = np.flatnonzero(
            self.store.missing(views, samples, list(self.sources)))
        if len(missing):
            self._compute(images, data_samples, missing,
                          filled_up=self.settings.dtype == 'float32')
        return views, samples

    def fill_batch(self, images: Tensor,
                   data_samples: List[BaseDataElement]) -> None:
        """Compute a complete batch, and store what is missing of it.

        If a sample is always given in the same batch, its rows have the same
        bits, whatever is stored already and whatever the type of the store.
        The arguments and errors are those of :meth:`fill`.
        """
        self._compute(images, data_samples, np.arange(len(images)),
                      filled_up=True)

    def _compute(self, images: Tensor, data_samples: List[BaseDataElement],
                 some: np.ndarray, filled_up: bool) -> None:
        """Compute and store some of a batch, by their indices in it."""
        views, samples = self.rows([data_samples[i] for i in some])
        batch = some
        if filled_up:
            batch = np.resize(some, max(len(some), self.batch_size))
        self.model.run_teacher(
            images[torch.from_numpy(batch).to(images.device)],
            [data_samples[i] for i in batch])
        leaves = {
            source: [
                leaf[:len(some)] for leaf in self.leaves(source, len(batch))
            ]
            for source in self.sources
        }
        self.store.write(views, samples, leaves)

    def record(self, views: np.ndarray, samples: np.ndarray,
               device: torch.device) -> None:
        """Fill the recorders with stored records.

        Args:
            views (np.ndarray): Views of a batch, (n, ), from :meth:`fill`.
            samples (np.ndarray): Indices of its samples, (n, ).
            device (torch.device): Device of the records.
        """
        stored = self.store.read(views, samples, list(self.sources))
        for source, names in self.sources.items():
            leaves = [
                self._to_model(torch.from_numpy(leaf), device)
                for leaf in stored[source]
            ]
            records = unflatten(self.layouts[source].structure, leaves)
            for name in names:
                self.recorders[name].data_buffer[:] = records

    def _to_model(self, leaf: Tensor, device: torch.device) -> Tensor:
        leaf = copy_to(device, leaf)
        if self.model.channels_last and leaf.dim() == 4:
            # As the teacher returns it; sums depend on it in their last bits.
            leaf = leaf.contiguous(memory_format=torch.channels_last)
        return leaf

    def rows(self, data_samples: Optional[List[BaseDataElement]]
             ) -> Tuple[np.ndarray, np.ndarray]:
        """The views and indices of samples, see :meth:`fill`."""
        if self.store is None:
            raise ValueError(
                'The model has a teacher_store, but the store is not open, or '
                'other weights were loaded into the teacher since. To open it '
                f'before training, {ADD_HOOK}.')
        if data_samples is None or not all(
                hasattr(sample, 'dataset_index') for sample in data_samples):
            raise ValueError(
                'The model has a teacher_store, but the samples of this batch '
                'do not say which sample and view they are. Use the '
                f'train_dataloader of the run; {ADD_HOOK}.')
        return (np.array([sample.view for sample in data_samples]),
                np.array([sample.dataset_index for sample in data_samples]))

    def leaves(self, source: str, batch_size: int) -> List[np.ndarray]:
        """What the teacher's last forward pass, of a batch, has recorded."""
        return [
            leaf.float().cpu().numpy()
            for leaf in self._flatten(source, batch_size)[1]
        ]

    def _flatten(self, source: str, batch_size: int
                 ) -> Tuple[Any, List[Tensor]]:
        recorder = self.recorders[self.sources[source][0]]
        return flatten(recorder.data_buffer, batch_size)
