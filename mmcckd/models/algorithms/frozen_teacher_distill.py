from typing import Dict, List, Optional, Union

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from mmrazor.models.algorithms import SingleTeacherDistill
from mmrazor.models.utils import add_prefix
from mmrazor.registry import MODELS
from torch import Tensor, nn

from mmcckd.loaded_weights import keep_loaded, watch_loading
from mmcckd.teacher_store import StoreSettings

from ..distillers.recorders import check_widths, recorded_modules
from ..losses import check_loss_weight
from ..relu6 import keep_outputs_of_relu6
from .batch_mixing import use_augments_of_student
from .compiled_parts import compile_unrecorded_parts
from .image_batches import device_of, in_channels_last
from .initial_weights import build_teacher, init_teacher, keep_given_weights
from .outside_teacher import OutsideTeacher
from .prepared_teacher import DTYPES
from .stored_teacher import StoredTeacher
from .strict_loading import StrictLoading
from .student_loss import check_student_loss, weigh_losses
from .teacher_checkpoint import load_teacher_checkpoint
from .teacher_images import compare_preprocessors, convert_images_for_teacher
from .teacher_inference import TeacherInference


@MODELS.register_module()
class FrozenTeacherDistill(OutsideTeacher, SingleTeacherDistill):
    """Distillation from a teacher that is never trained.

    Differences from :class:`mmrazor.models.SingleTeacherDistill`:

    - The teacher is always in eval mode, including its dropout, runs without
      autograd, and computes no loss: it is called with ``mode='tensor'``.
      Recorders can record all modules of the teacher except those of its loss.
      Of a detector or segmentor, only backbone and neck run if nothing else
      is recorded.
    - The teacher is not a submodule. ``algorithm.teacher`` exists and moves to
      a device with the algorithm, but its weights are not in checkpoints,
      optimizers or averaged models, and DDP does not synchronize them. A
      resumed run loads them again from ``teacher_ckpt``.
    - Weights that are loaded into the teacher must fit exactly, whether they
      come from ``teacher_ckpt``, from ``pretrained=True`` or ``init_cfg`` in
      its config, or from ``load_checkpoint(model.teacher, file)`` in a hook.
      MMRazor loads the weights that fit and leaves the others random.
    - The teacher is prepared for inference at the first batch: its BatchNorms
      are folded into the convolutions before them, except for modules that are
      recorded, and its weights are cast to ``teacher_dtype``.
    - The student's own losses have a weight, the α of the objective
      ``α L_CE + (1 − α) L_KD + β L_CC``. The weights of the other terms are
      the ``loss_weight`` of their losses.
    - ``data_preprocessor`` prepares the images of both networks. If the
      ``data_preprocessor`` in the teacher's config has another normalization
      or order of channels, the images are converted for the teacher
      (:func:`.convert_images_for_teacher`). The student's
      ``train_cfg.augments``, such as Mixup, are applied to the images of both
      networks (:func:`.use_augments_of_student`).
    - Mistakes in a recipe are found when the model is built, such as a
      recorder whose source does not exist, or logits with different numbers
      of classes.

    Args:
        distiller (dict): Config of the distiller.
        teacher (dict | BaseModel): Config of the teacher, or a model. The
            weights of a model are kept.
        architecture (dict | BaseModel): Config of the student, or a model.
        teacher_ckpt (str, optional): Path or URL of the teacher's checkpoint.
            Defaults to None: the teacher has the weights of the given model,
            or those that its config loads. A warning tells if any weight is
            random.
        student_loss_weight (float): α ≥ 0. Defaults to 1.0, as in MMRazor.
        teacher_dtype (str, optional): Precision of the teacher, "float32",
            "bfloat16" or "float16", also under autocast. Its recorded outputs
            are converted to float32 for the losses. Defaults to None: the
            precision of its weights, or the one that autocast chooses.
        channels_last (bool): Whether both networks use the memory format
            ``torch.channels_last``, with which convolutions are faster on
            most hardware. Defaults to False.
        compile (bool): Whether to use ``torch.compile`` for the largest parts
            of both networks in which nothing is recorded. Defaults to False.
        teacher_store (dict, optional): Store what the teacher recorders record
            of each sample on disk, so that the teacher runs once for each
            view of a sample, also for other runs, students and losses. A dict
            with the arguments of :class:`.StoreSettings`, such as
            ``dict(path='work_dirs/teacher_store', views=10)``: the
            augmentation of epoch e is that of epoch e mod ``views`` then. The
            teacher runs without autocast, so ``teacher_dtype`` determines its
            precision. :class:`.TeacherStoreHook` opens the store;
            ``tools/train.py`` adds this hook. Defaults to None: the teacher
            runs in each iteration.
        **kwargs: Other arguments of ``SingleTeacherDistill``. If
            ``teacher_trainable`` or ``teacher_norm_eval`` is given, it must
            be False or True, respectively.

    Raises:
        FileNotFoundError: If there is no file at ``teacher_ckpt``.
        TypeError: If ``student_loss_weight`` is not a number, or a value in
            ``teacher_store`` has the wrong type.
        ValueError: If ``teacher_ckpt`` is not a checkpoint, weights do not
            fit the teacher, the source of a recorder does not exist, a loss
            compares logits with different numbers of classes, another argument
            is out of range, images cannot be converted for the teacher, a
            loss does not accept mixed images, or ``teacher_store`` is given
            with batch augmentations, deliveries, or a loss that uses
            parameters of the teacher.
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
                 teacher_store: Optional[dict] = None,
                 **kwargs) -> None:
        if kwargs.get('teacher_trainable', False) or not kwargs.get(
                'teacher_norm_eval', True):
            raise ValueError(
                'FrozenTeacherDistill got teacher_trainable=True or '
                'teacher_norm_eval=False, but its teacher is never trained. '
                'Use mmrazor.SingleTeacherDistill to train it.')
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
            keep_given_weights(teacher)
        else:
            teacher, teacher_loaded = build_teacher(teacher)
        super().__init__(
            distiller,
            teacher,
            teacher_ckpt=None,
            architecture=architecture,
            **kwargs)
        check_widths(distiller, student=architecture, teacher=teacher)
        convert_images_for_teacher(self.teacher, self.data_preprocessor)
        compare_preprocessors(self.student, self.data_preprocessor)
        use_augments_of_student(self.student, self.data_preprocessor,
                                self.distiller)
        self.student_loss_weight = student_loss_weight
        self.teacher_dtype = teacher_dtype
        self.channels_last = channels_last
        self._student_loaded = student_loaded
        self.stored_teacher: Optional[StoredTeacher] = None
        if teacher_store is not None:
            self.stored_teacher = StoredTeacher(
                StoreSettings.from_config(teacher_store), self)

        self.take_teacher_out()
        # Runs with and without autocast share a store.
        self.inference = TeacherInference(
            self.teacher, self.distiller, teacher_dtype, channels_last,
            compile, autocast=teacher_store is None)
        self._teacher_loading = StrictLoading(
            self.teacher, before=self._before_loading)
        self._teacher_loading.loaded |= teacher_loaded
        if teacher_ckpt is not None:
            load_teacher_checkpoint(self.teacher, teacher_ckpt)
        keep_outputs_of_relu6(self.student)
        if channels_last:
            self.to(memory_format=torch.channels_last)
        if compile:
            compile_unrecorded_parts(
                self.student,
                recorded_modules(self.student,
                                 self.distiller.student_recorders))

    def loss(
        self,
        batch_inputs: Tensor,
        data_samples: Optional[List[BaseDataElement]] = None,
    ) -> Dict[str, Tensor]:
        """Compute the losses of the student, times α, and of the distiller.

        Args:
            batch_inputs (Tensor): Images, (n, c, h, w).
            data_samples (List[BaseDataElement], optional): n samples with
                their labels.

        Returns:
            Dict[str, Tensor]: ``student.*`` and ``distill.*``. The objective
            is the sum of the entries whose name contains "loss".
        """
        losses = dict()
        distiller = self.distiller
        if self.channels_last:
            batch_inputs = in_channels_last(batch_inputs)
        stored = self.stored_teacher
        if stored is None:
            self.run_teacher(batch_inputs, data_samples)
        else:
            # Files are read and written there, which cannot be compiled.
            rows = torch.compiler.disable(stored.fill)(batch_inputs,
                                                       data_samples)

        distiller.set_deliveries_override(True)
        with distiller.student_recorders, distiller.deliveries:
            with torch.set_grad_enabled(self.calculate_student_loss
                                        or self.student_trainable):
                student_losses = self.student(
                    batch_inputs, data_samples, mode='loss')
        if stored is not None:
            # Read while a GPU computes the forward pass of the student.
            torch.compiler.disable(stored.record)(*rows, batch_inputs.device)
        if self.calculate_student_loss:
            student_losses = weigh_losses(student_losses,
                                          self.student_loss_weight)
            losses.update(add_prefix(student_losses, 'student'))

        if not self.distillation_stopped:
            distill_losses = distiller.compute_distill_losses()
            losses.update(add_prefix(distill_losses, 'distill'))
        return losses

    def run_teacher(self,
                    images: Tensor,
                    data_samples: Optional[List[BaseDataElement]] = None,
                    prepare: bool = True) -> None:
        """Run the teacher with recorders, see :meth:`.TeacherInference.run`.

        Raises:
            ValueError: If a recorder that a loss needs has recorded nothing,
                or the teacher's weights do not fit.
        """
        if prepare and self.inference.preparation is None:
            self.ready_teacher(device_of(images))
        self.inference.run(images, data_samples, prepare)

    def init_weights(self) -> None:
        """Initialize the student, and the teacher if it is not initialized.

        Weights that were loaded while the networks were built are kept, even
        if the ``init_weights`` of a module changes them.
        """
        with keep_loaded(self._student_loaded):
            super().init_weights()
        if not self.teacher.is_init:
            init_teacher(self.teacher, self._teacher_loading.loaded)

    def ready_teacher(self, device: torch.device) -> None:
        """Check the teacher's weights, and move it to a device.

        A wrapper such as FSDP moves each submodule by itself. The teacher is
        not a submodule.

        Args:
            device (torch.device): The device of the images.

        Raises:
            ValueError: If the weights that were loaded last do not fit.
        """
        self._teacher_loading.check_last()
        self.teacher.to(device)

    def _before_loading(self, module: nn.Module) -> None:
        if self.stored_teacher is not None:
            self.stored_teacher.close()
        self.inference.undo_before_loading(module)
