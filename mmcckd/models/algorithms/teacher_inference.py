"""Run a frozen teacher with its recorders."""
from contextlib import nullcontext
from typing import ContextManager, List, Optional

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from mmrazor.models.distillers import ConfigurableDistiller
from torch import Tensor, nn

from ..distillers.recorders import check_teacher_records, recorded_modules
from .compiled_parts import compile_unrecorded_parts, undo_compilation
from .features_only import run_features_only
from .image_batches import device_of, in_channels_last
from .prepared_teacher import Preparation, as_float32, prepare_teacher


class TeacherInference:
    """The forward pass of a teacher that is never trained.

    The teacher is prepared at the first batch (:func:`.prepare_teacher`). Of a
    detector or segmentor, only the parts up to the neck run if all recorders
    are there (:func:`.run_features_only`).

    Args:
        teacher (BaseModel): The teacher.
        distiller (ConfigurableDistiller): The distiller, with recorders that
            are prepared.
        dtype (str, optional): Precision of the teacher. Defaults to None: the
            precision of its weights.
        channels_last (bool): Whether the images use the memory format
            ``torch.channels_last``. Defaults to False.
        compile (bool): Whether to compile the parts in which nothing is
            recorded. Defaults to False.
        autocast (bool): Whether the teacher runs under autocast, if it is
            enabled and ``dtype`` is None. Defaults to True.

    Attributes:
        preparation (Preparation, optional): The changes that were made to the
            teacher, None if it is not prepared.
    """

    def __init__(self,
                 teacher: BaseModel,
                 distiller: ConfigurableDistiller,
                 dtype: Optional[str] = None,
                 channels_last: bool = False,
                 compile: bool = False,
                 autocast: bool = True) -> None:
        self.teacher = teacher
        self.distiller = distiller
        self.dtype = dtype
        self.channels_last = channels_last
        self.compile = compile
        self.autocast = autocast and dtype is None
        self.preparation: Optional[Preparation] = None
        run_features_only(teacher, distiller.teacher_recorders)

    def run(self,
            images: Tensor,
            data_samples: Optional[List[BaseDataElement]] = None,
            prepare: bool = True) -> None:
        """Run the teacher with recorders.

        Args:
            images (Tensor): Images, (n, c, h, w).
            data_samples (List[BaseDataElement], optional): n samples.
            prepare (bool): Whether to prepare the teacher for inference
                before, if it is not prepared. Defaults to True.

        Raises:
            ValueError: If a recorder that a loss needs has recorded nothing.
        """
        if self.channels_last:
            images = in_channels_last(images)
        if prepare and self.preparation is None:
            self._prepare(images, data_samples)
        # A delivery records in the teacher's forward pass, and overrides in
        # the student's.
        distiller = self.distiller
        distiller.set_deliveries_override(False)
        with distiller.teacher_recorders, distiller.deliveries:
            with torch.no_grad(), self._autocast(images):
                self.teacher(images, data_samples, mode='tensor')
        check_teacher_records(distiller)
        for recorder in distiller.teacher_recorders.recorders.values():
            recorder.data_buffer[:] = as_float32(recorder.data_buffer)

    def undo_before_loading(self, module: nn.Module) -> None:
        """Undo the preparation. The next batch prepares the teacher again.

        Args:
            module (nn.Module): The module into which weights will be loaded.

        Raises:
            ValueError: If it is only a part of the teacher.
        """
        if self.preparation is None:
            return
        self.preparation.undo_before_loading(module)
        self.preparation = None
        if self.compile:
            # The next preparation hooks into modules, and compiled code may
            # contain the weights.
            undo_compilation(self.teacher)
            torch.compiler.reset()

    def _prepare(self, images: Tensor,
                 data_samples: Optional[List[BaseDataElement]]) -> None:
        recorded = recorded_modules(self.teacher,
                                    self.distiller.teacher_recorders)
        self.preparation = prepare_teacher(self.teacher, images, recorded,
                                           self.dtype, data_samples)
        if self.compile:
            compile_unrecorded_parts(self.teacher, recorded)
        print_log(
            f'Teacher prepared: {len(self.preparation.folded)} BatchNorms '
            f'folded, {next(self.teacher.parameters()).dtype}.',
            logger='current')

    def _autocast(self, images: Tensor) -> ContextManager:
        if self.autocast:
            return nullcontext()
        return torch.autocast(device_of(images).type, enabled=False)
