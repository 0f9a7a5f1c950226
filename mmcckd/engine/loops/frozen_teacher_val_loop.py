from typing import Dict

import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import LOOPS
from mmengine.runner import ValLoop, autocast
from mmengine.runner.loops import _parse_losses
from mmrazor.models.utils import add_prefix


@LOOPS.register_module()
class FrozenTeacherDistillValLoop(ValLoop):
    """Validate the student each time, and the teacher the first time.

    :class:`mmrazor.engine.SingleTeacherDistillValLoop` evaluates the teacher
    at every validation, though it does not change. Here a run does it once, at
    its first validation (a resumed run again, at its own), and logs the
    teacher's metrics there with the prefix ``teacher.``. A teacher that is not
    as good as it should be, from a wrong checkpoint or other preprocessing, is
    then seen early.

    Hooks see one validation, the student's, and the metrics of both. They are
    not called for the teacher's batches, so the pictures of a
    ``VisualizationHook`` are the student's.

    Args:
        runner (Runner): The runner fills it in, as it does ``dataloader`` and
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
            # First, so that what an evaluator writes in the end, such as a
            # file of predictions, is the student's.
            teacher_metrics = add_prefix(self._validate_teacher(), 'teacher')
            self.teacher_is_validated = True

        # As ValLoop.run, but for the teacher's metrics.
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
        """The teacher's metrics, on what training makes of the images."""
        model = self.runner.model
        if is_model_wrapper(model):
            model = model.module
        teacher = getattr(model, 'teacher', None)
        if teacher is None:
            raise ValueError(
                'FrozenTeacherDistillValLoop validates the teacher too, but '
                f'the model ({type(model).__name__}) has none; leave '
                "val_cfg's type out, or give it a model such as "
                'FrozenTeacherDistill.')
        print_log(
            'Validating the teacher, this once; its metrics are logged as '
            'teacher.* with those of the student.',
            logger='current')
        teacher.eval()
        for data_batch in self.dataloader:
            data = model.data_preprocessor(data_batch, False)
            with autocast(enabled=self.fp16):
                outputs = teacher._run_forward(data, mode='predict')
            self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        return self.evaluator.evaluate(len(self.dataloader.dataset))
