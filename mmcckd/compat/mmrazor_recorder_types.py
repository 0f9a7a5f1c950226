"""Accept classes as types of MMRazor's recorders.

MMRazor 1.0.0 appends "Recorder" to the type of a recorder, which must be a
text without it. With the class ``ModuleOutputsRecorder``, as in a new-style
config, it raises an error.

Can be deleted when MMRazor builds recorders from classes.
"""
import copy
from typing import Dict, Optional

from mmrazor.models.task_modules import RecorderManager
from mmrazor.registry import TASK_UTILS


def accept_recorder_classes() -> None:
    """Make ``RecorderManager`` build recorders from classes, too."""
    RecorderManager.__init__ = init


def init(self, recorders: Optional[Dict[str, dict]] = None) -> None:
    """Build recorders.

    Args:
        recorders (Dict[str, dict], optional): Configs of the recorders. The
            type is a class, the path or name of a class, or a name without
            "Recorder" at its end. Defaults to None.
    """
    self._recorders = {}
    for name, recorder in (recorders or {}).items():
        config = copy.deepcopy(recorder)
        kind = config['type']
        if isinstance(kind, str) and not kind.endswith('Recorder'):
            config['type'] = f'{kind}Recorder'
        self._recorders[name] = TASK_UTILS.build(config)
