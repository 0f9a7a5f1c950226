from typing import Dict

import torch
from mmengine.logging import print_log
from mmengine.registry import LOOPS
from mmengine.runner import ValLoop, autocast
from mmengine.runner.loops import _parse_losses
from mmrazor.models.utils import add_prefix

from ..unwrapped_model import unwrapped


@LOOPS.register_module()
class FrozenTeacherDistillValLoop(ValLoop):
    """Validate the student each time, and the teacher the first time.

    :class:`mmrazor.engine.SingleTeacherDistillValLoop` evaluates the teacher
    in every validation, although it does not change. This loop evaluates it
    once per run, in the first validation; a resumed run evaluates it again. It
    logs the metrics of the teacher with the prefix ``teacher.``. They show
    early if the accuracy of the teacher is too low, for example due to a wrong
    checkpoint or different preprocessing.

    Hooks are called for one validation, that of the student, with the metrics
    of both. They are not called for the batches of the teacher, so a
    ``VisualizationHook`` shows predictions of the student.

    Args:
        runner (Runner): The runner. It sets this argument, ``dataloader`` and
            ``evaluator``.
        fp16 (bool): Whether to validate in mixed precision. Defaults to
            False.

    Raises:
        ValueError: When validation starts, if the model has no teacher.
    """

    teacher_is_validated = False

    def run(self) -> Dict[str, float]:
        """Validate, and return the metrics."""
        teacher_metrics = {}
        if not self.teacher_is_validated:
            # The teacher comes first, so that files written by an evaluator,
            # such as predictions, are finally those of the student.
            teacher_metrics = add_prefix(self._validate_teacher(), 'teacher')
            self.teacher_is_validated = True

        # As in ValLoop.run, except for the metrics of the teacher.
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        self.runner.model.eval()
        self.val_loss.clear()
        for idx, data_batch in enumerate(self.dataloader):
            self.run_iter(idx, data_batch)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        if self.val_loss:
            metrics.update(_parse_losses(self.val_loss, 'val'))
        metrics.update(teacher_metrics)
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics

    @torch.no_grad()
    def _validate_teacher(self) -> Dict[str, float]:
        """Evaluate the teacher with the data preprocessor of the model."""
        model = unwrapped(self.runner.model)
        teacher = getattr(model, 'teacher', None)
        if teacher is None:
            raise ValueError(
                'FrozenTeacherDistillValLoop also validates the teacher, but '
                f'the model ({type(model).__name__}) has none; remove type '
                'from val_cfg, or use a model such as FrozenTeacherDistill.')
        print_log(
            'Validating the teacher once; its metrics are logged as '
            'teacher.* with those of the student.',
            logger='current')
        teacher.eval()
        for data_batch in self.dataloader:
            data = model.data_preprocessor(data_batch, False)
            with autocast(enabled=self.fp16):
                outputs = teacher._run_forward(data, mode='predict')
            self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        return self.evaluator.evaluate(len(self.dataloader.dataset))
