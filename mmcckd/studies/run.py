"""A run of a study, and its result."""
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional

from mmcckd.files.json_text import parse_json

from .field_types import check_types

TUNE_SEED = 1000  # first of the seeds that settings are chosen with


@dataclass(frozen=True)
class Run:
    """Everything that determines the result of a training, except the code.

    Args:
        config (str): Config file, relative to the repository.
        seed (int): Seed of weights, batches and augmentation.
        options (dict): Entries of the config that are overridden, as
            ``{'model.student_loss_weight': 0.1}``.
        teacher (Run, optional): The run of the teacher.
        superclasses (int, optional): Number of superclasses that the teacher's
            features are clustered into, for the SUR sampler.
        teacher_store (dict, optional): ``views`` and other settings of a
            teacher store, without its path. A run without a teacher has the
            same views.
    """
    config: str
    seed: int
    options: Dict[str, Any] = field(default_factory=dict)
    teacher: Optional['Run'] = None
    superclasses: Optional[int] = None
    teacher_store: Optional[Dict[str, Any]] = None

    @property
    def chooses_setting(self) -> bool:
        """Whether the run is for the choice of a setting only."""
        return self.seed >= TUNE_SEED

    @property
    def key(self) -> str:
        """Identifies the run, by 12 hexadecimal digits."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict:
        """The fields as a dict, without those that are not set."""

        def clean(fields: dict) -> dict:
            return {
                name: clean(value) if name == 'teacher' else value
                for name, value in fields.items() if value not in (None, {})
            }

        return clean(asdict(self))

    @classmethod
    def from_dict(cls, fields: dict) -> 'Run':
        """The run of a dict that :meth:`to_dict` returned.

        Raises:
            TypeError, ValueError: If it is none.
        """
        if not isinstance(fields, dict):
            raise TypeError(f'a run must be a dict, but is {fields!r:.80}')
        if fields.get('teacher') is not None:
            fields = dict(fields, teacher=cls.from_dict(fields['teacher']))
        check_types('run', cls, fields)
        return cls(**fields)


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Args:
        run (Run): The run.
        metrics (Dict[str, float]): Metrics by name; see :func:`.train`.
        seconds (float): Time from the start of its process to its end.
        commit (str): Commit of the repository, with "+" if files had changed.
        torch (str): Version of torch.
        curve (List[List[float]]): The learning curve; see
            :class:`.LearningCurveHook`.
        processor (str): The model of the processor.
    """
    run: Run
    metrics: Dict[str, float]
    seconds: float
    commit: str
    torch: str
    curve: List[List[float]] = field(default_factory=list)
    processor: str = ''

    def to_json(self) -> str:
        """The result as one line, without an empty curve or processor."""
        fields = dict(vars(self), run=self.run.to_dict())
        for name in ('curve', 'processor'):
            if not fields[name]:
                del fields[name]
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> 'Result':
        """The result of a line that :meth:`to_json` returned.

        Raises:
            ValueError: If the line is not a result.
        """
        try:
            fields = parse_json(line)
            fields = dict(fields, run=Run.from_dict(fields['run']))
            check_types('result', cls, fields)
            if any(len(point) != 2 for point in fields.get('curve', ())):
                raise ValueError('its curve has a point that is no pair')
            return cls(**fields)
        except (KeyError, TypeError) as error:
            raise ValueError(f'{type(error).__name__}: {error}') from error
