"""A teacher that is not a submodule of its algorithm."""
from typing import Any, Callable

from torch import nn


class OutsideTeacher(nn.Module):
    """Base class of an algorithm with a teacher outside of the module tree.

    ``algorithm.teacher`` exists, but its weights are not in state dicts, so
    not in checkpoints, and not in ``parameters()``, so optimizers and wrappers
    do not see them. It moves to a device with the algorithm, and stays in eval
    mode.
    """
    teacher: nn.Module

    def take_teacher_out(self) -> None:
        """Remove the teacher from the submodules, after it was added."""
        self.__dict__['teacher'] = self._modules.pop('teacher')
        self.teacher.eval()

    def train(self, mode: bool = True) -> 'OutsideTeacher':
        """Set the mode of the student. The teacher stays in eval mode.

        Returns:
            OutsideTeacher: This model.
        """
        super().train(mode)  # MMRazor's returns None
        return self

    def _apply(self, fn: Callable, *args, **kwargs) -> Any:
        """Also change the device, dtype or memory format of the teacher."""
        self.teacher._apply(fn, *args, **kwargs)
        return super()._apply(fn, *args, **kwargs)

    def apply(self, fn: Callable) -> Any:
        """Also apply ``fn`` to the teacher. MMEngine sets the device of data
        preprocessors this way."""
        self.teacher.apply(fn)
        return super().apply(fn)
