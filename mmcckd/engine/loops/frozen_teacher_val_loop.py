from mmengine.registry import LOOPS
from mmengine.runner import ValLoop
from mmrazor.engine import SingleTeacherDistillValLoop


@LOOPS.register_module()
class FrozenTeacherDistillValLoop(SingleTeacherDistillValLoop):
    """Validate the student each time, and the teacher the first time.

    :class:`mmrazor.engine.SingleTeacherDistillValLoop` evaluates the teacher
    at every validation, though it does not change. Here a run does it once, at
    its first validation (a resumed run again, at its own), and logs the
    teacher's metrics there with the prefix ``teacher.``. A teacher that is not
    as good as it should be, from a wrong checkpoint or other preprocessing, is
    then seen early.

    Args:
        runner (Runner): The runner fills it in, as it does ``dataloader`` and
            ``evaluator``.
        fp16 (bool): Whether to validate in mixed precision. Defaults to
            False.
    """

    teacher_is_validated = False

    def run(self) -> None:
        """Validate."""
        if self.teacher_is_validated:
            ValLoop.run(self)
        else:
            super().run()
            self.teacher_is_validated = True
