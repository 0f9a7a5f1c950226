import sys

from mmengine.utils import ProgressBar


class CoarseProgressBar(ProgressBar):
    """MMEngine's progress bar, drawn at most 200 times.

    A pass over ImageNet takes thousands of steps, and each drawing is a line
    in a log file.

    Args:
        task_num (int): Number of steps.
    """

    def __init__(self, task_num: int) -> None:
        self.waiting = 0
        super().__init__(task_num, file=sys.stdout)

    def update(self, num_tasks: int = 1) -> None:
        """Count steps, and draw the bar after every half percent."""
        self.waiting += num_tasks
        done = self.completed + self.waiting
        if self.waiting * 200 >= self.task_num or done == self.task_num:
            super().update(self.waiting)
            self.waiting = 0
            if done == self.task_num:
                self.file.write('\n')
