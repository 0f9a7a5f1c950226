from contextlib import nullcontext
from typing import Dict, List, Optional, Union

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from mmrazor.models.algorithms import SingleTeacherDistill
from mmrazor.models.utils import add_prefix
from mmrazor.registry import MODELS
from torch import Tensor, nn

from mmcckd.loaded_weights import keep_loaded, watch_loading

from ..distillers.recorders import (
    check_teacher_records,
    check_widths,
    recorded_modules,
)
from ..losses import check_loss_weight
from .batch_mixing import mix_as_student_says
from .compiled_parts import compile_around
from .initial_weights import build_teacher, init_teacher, keep_weights_of
from .prepared_teacher import (
    DTYPES,
    Preparation,
    as_float32,
    prepare_teacher,
)
from .strict_loading import StrictLoading
from .student_loss import check_student_loss
from .teacher_checkpoint import load_teacher_checkpoint
from .teacher_images import compare_student, feed_teacher


@MODELS.register_module()
class FrozenTeacherDistill(SingleTeacherDistill):
    """Distillation from a teacher that is only ever evaluated.

    What differs from :class:`mmrazor.models.SingleTeacherDistill`:

    - The teacher is in eval mode throughout, dropout included, runs without
      autograd, and computes no loss: it is called with ``mode='tensor'``, so
      its recorders hear every module of the network but those of its loss.
    - The teacher is an instrument of the training, not a part of the model:
      ``algorithm.teacher`` is there, and follows it to a device, but it is no
      submodule. So its weights are in no checkpoint, optimizer, average of
      weights, or exchange between ranks. A resumed run finds them again in
      ``teacher_ckpt``.
    - ``teacher_ckpt`` must fit the teacher exactly, and so must whatever else
      is loaded into it: by ``pretrained=True`` or ``init_cfg`` of its config,
      or by a hook's ``load_checkpoint(model.teacher, file)``, at any time.
      MMRazor loads what fits and distils from random weights for the rest.
    - The teacher is prepared for inference at the first batch: its BatchNorms
      are folded into the convolutions before them, except where a recorder
      listens, and its weights cast to ``teacher_dtype``.
    - The student's own losses carry a weight, the α of the objective
      ``α L_CE + (1 − α) L_KD + β L_CC``. The weights of the other terms are
      those of their losses.
    - The images are prepared by ``data_preprocessor``, for both networks.
      Where the ``data_preprocessor`` of the teacher's config has another
      normalization or order of channels, they are converted for it
      (:func:`.feed_teacher`). ``train_cfg.augments`` of the student, such as
      Mixup, mix the images of both (:func:`.mix_as_student_says`).
    - What a recipe got wrong is found when the model is built: a recorder
      that listens to nothing, or logits of different numbers of classes.

    Args:
        distiller (dict): Config of the distiller.
        teacher (dict | BaseModel): Config of the teacher, or a model, whose
            weights are then kept.
        architecture (dict | BaseModel): Config of the student, or a model.
        teacher_ckpt (str, optional): Path or URL of the teacher's checkpoint.
            Defaults to None: the weights are those of the model, or what
            its config says, with a warning if any are random.
        student_loss_weight (float): α ≥ 0. Defaults to 1.0, MMRazor's
            objective.
        teacher_dtype (str, optional): Precision of the teacher, "float32",
            "bfloat16" or "float16", also under autocast. What it says goes to
            the losses as float32. Defaults to None: the precision that it was
            built in, or that autocast chooses.
        channels_last (bool): Whether both networks keep images as (n, h, w,
            c) in memory, which convolutions are faster with on most hardware.
            Defaults to False.
        compile (bool): Whether ``torch.compile`` both networks, in the
            largest parts in which no recorder listens. Defaults to False.
        **kwargs: The other arguments of ``SingleTeacherDistill``.
            ``teacher_trainable`` must be False and ``teacher_norm_eval``
            True, if given at all.

    Raises:
        FileNotFoundError: If there is no file at ``teacher_ckpt``.
        TypeError: If ``student_loss_weight`` is not a number.
        ValueError: If ``teacher_ckpt`` is not a checkpoint, weights do not
            fit the teacher, a recorder's source does not exist, a loss
            compares logits of different numbers of classes, another argument
            is out of range, images cannot be converted for the teacher, or a
            loss cannot take mixed ones.
    """

    def __init__(self,
                 distiller: dict,
                 teacher: Union[BaseModel, Dict],
                 architecture: Union[BaseModel, Dict],
                 teacher_ckpt: Optional[str] = None,
                 student_loss_weight: float = 1.0,
                 teacher_dtype: Optional[str] = None,
                 channels_last: bool = False,
                 compile: bool = False,
                 **kwargs) -> None:
        if kwargs.get('teacher_trainable', False) or not kwargs.get(
                'teacher_norm_eval', True):
            raise ValueError(
                'FrozenTeacherDistill got teacher_trainable=True or '
                'teacher_norm_eval=False, but its teacher is only ever '
                'evaluated; use mmrazor.SingleTeacherDistill to train it.')
        check_loss_weight('student_loss_weight', student_loss_weight)
        if teacher_dtype not in (None, *DTYPES):
            raise ValueError(f'teacher_dtype must be one of {DTYPES} or None, '
                             f'but is {teacher_dtype!r}.')
        student_loaded, teacher_loaded = set(), set()
        if not isinstance(architecture, BaseModel):
            with watch_loading() as student_loaded:
                architecture = MODELS.build(architecture)
        check_student_loss(architecture)
        if isinstance(teacher, BaseModel):
            keep_weights_of(teacher)
        else:
            teacher, teacher_loaded = build_teacher(teacher)
        super().__init__(
            distiller,
            teacher,
            teacher_ckpt=None,
            architecture=architecture,
            **kwargs)
        check_widths(distiller, student=architecture, teacher=teacher)
        feed_teacher(self.teacher, self.data_preprocessor)
        compare_student(self.student, self.data_preprocessor)
        mix_as_student_says(self.student, self.data_preprocessor,
                            self.distiller)
        self.student_loss_weight = student_loss_weight
        self.teacher_dtype = teacher_dtype
        self.channels_last = channels_last
        self.compile_networks = compile
        self._preparation: Optional[Preparation] = None
        self._student_loaded = student_loaded

        # Take the teacher out of the tree of modules (see the class's text).
        self.__dict__['teacher'] = self._modules.pop('teacher')
        self.teacher.eval()
        self._teacher_loading = StrictLoading(
            self.teacher, before=self._before_loading)
        self._teacher_loading.loaded |= teacher_loaded
        if teacher_ckpt is not None:
            load_teacher_checkpoint(self.teacher, teacher_ckpt)
        if channels_last:
            self.to(memory_format=torch.channels_last)
        if compile:
            compile_around(
                self.student,
                recorded_modules(self.student,
                                 self.distiller.student_recorders))

    def loss(
        self,
        batch_inputs: Tensor,
        data_samples: Optional[List[BaseDataElement]] = None,
    ) -> Dict[str, Tensor]:
        """Losses of a batch: the student's own, times α, and the distiller's.

        Args:
            batch_inputs (Tensor): Images, (n, c, h, w).
            data_samples (List[BaseDataElement], optional): Their n labels.

        Returns:
            Dict[str, Tensor]: ``student.*`` and ``distill.*``. Those whose
            name contains "loss" are summed up to the objective.
        """
        losses = dict()
        distiller = self.distiller
        if self.channels_last:
            batch_inputs = batch_inputs.contiguous(
                memory_format=torch.channels_last)
        if self._preparation is None:
            self._prepare_teacher(batch_inputs)

        # A delivery records on the teacher's pass and overrides on the
        # student's.
        distiller.set_deliveries_override(False)
        with distiller.teacher_recorders, distiller.deliveries:
            with torch.no_grad(), self._teacher_autocast(batch_inputs):
                self.teacher(batch_inputs, data_samples, mode='tensor')
        check_teacher_records(distiller)
        for recorder in distiller.teacher_recorders.recorders.values():
            recorder.data_buffer[:] = as_float32(recorder.data_buffer)

        distiller.set_deliveries_override(True)
        with distiller.student_recorders, distiller.deliveries:
            with torch.set_grad_enabled(self.calculate_student_loss
                                        or self.student_trainable):
                student_losses = self.student(
                    batch_inputs, data_samples, mode='loss')
        if self.calculate_student_loss:
            student_losses = self._weigh(student_losses)
            losses.update(add_prefix(student_losses, 'student'))

        if not self.distillation_stopped:
            distill_losses = distiller.compute_distill_losses()
            losses.update(add_prefix(distill_losses, 'distill'))
        return losses

    def init_weights(self) -> None:
        """Initialize the student, and the teacher if nothing else has.

        What was loaded when they were built is kept, whatever a part's own
        ``init_weights`` does.
        """
        with keep_loaded(self._student_loaded):
            super().init_weights()
        if not self.teacher.is_init:
            init_teacher(self.teacher, self._teacher_loading.loaded)

    def _prepare_teacher(self, images: Tensor) -> None:
        self._teacher_loading.check_last()
        # A wrapper may have moved the modules that it sees, one by one.
        self.teacher.to(images.device)
        recorded = recorded_modules(self.teacher,
                                    self.distiller.teacher_recorders)
        self._preparation = prepare_teacher(self.teacher, images, recorded,
                                            self.teacher_dtype)
        if self.compile_networks:
            compile_around(self.teacher, recorded)
        print_log(
            f'Teacher prepared: {len(self._preparation.folded)} BatchNorms '
            f'folded, {next(self.teacher.parameters()).dtype}.',
            logger='current')

    def _before_loading(self, module: nn.Module) -> None:
        """Undo the preparation. The next batch prepares the teacher again."""
        if self._preparation is None:
            return
        self._preparation.undo_before_loading(module)
        self._preparation = None
        if self.compile_networks:
            torch.compiler.reset()  # what is compiled may hold the weights

    def _teacher_autocast(self, images: Tensor):
        """None of its own where the teacher has a dtype of its own."""
        if self.teacher_dtype is None:
            return nullcontext()
        return torch.autocast(images.device.type, enabled=False)

    def _weigh(self, losses: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """Apply α to what MMEngine will sum up, not to other statistics."""

        def weigh(value):
            if isinstance(value, (list, tuple)):
                return [weigh(v) for v in value]
            return value * self.student_loss_weight

        return {
            name: weigh(value) if 'loss' in name else value
            for name, value in losses.items()
        }

    def train(self, mode: bool = True) -> 'FrozenTeacherDistill':
        """Set the student's mode, and return the model as torch does."""
        super().train(mode)  # MMRazor's returns None
        return self

    def _apply(self, fn, *args, **kwargs):
        """Move the teacher along: to a device, dtype or memory format."""
        self.teacher._apply(fn, *args, **kwargs)
        return super()._apply(fn, *args, **kwargs)

    def apply(self, fn):
        """Reach the teacher too: MMEngine tells data preprocessors the device
        by ``apply``."""
        self.teacher.apply(fn)
        return super().apply(fn)
