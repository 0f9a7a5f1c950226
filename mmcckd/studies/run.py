"""A run of a study, and what it measured."""
import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class Run:
    """All that decides what a training gives, given the code.

    Args:
        config (str): Config file, relative to the repository.
        seed (int): Of weights, batches and augmentation.
        options (dict): Entries of the config that are overridden, as
            ``{'model.student_loss_weight': 0.1}``.
        teacher (Run, optional): The run of the teacher.
        superclasses (int, optional): Into how many superclasses the teacher's
            features are clustered for the SUR sampler.
    """
    config: str
    seed: int
    options: Dict[str, Any] = field(default_factory=dict)
    teacher: Optional['Run'] = None
    superclasses: Optional[int] = None

    @property
    def key(self) -> str:
        """The same for the same run, 12 hexadecimal digits."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_dict(self) -> dict:
        """Without what is not set."""

        def clean(fields: dict) -> dict:
            return {
                name: clean(value) if name == 'teacher' else value
                for name, value in fields.items() if value not in (None, {})
            }

        return clean(asdict(self))

    @classmethod
    def from_dict(cls, fields: dict) -> 'Run':
        """Of what :meth:`to_dict` gave."""
        teacher = fields.get('teacher')
        return cls(**dict(
            fields, teacher=teacher and cls.from_dict(teacher)))


@dataclass(frozen=True)
class Result:
    """What a run measured.

    Args:
        run (Run): The run.
        metrics (Dict[str, float]): By name; see :mod:`.training`.
        seconds (float): From the start of the process to the last metric.
        commit (str): Of the repository; ends in "+" if files had changed.
        torch (str): Version of torch.
    """
    run: Run
    metrics: Dict[str, float]
    seconds: float
    commit: str
    torch: str

    def to_json(self) -> str:
        """One line."""
        return json.dumps(
            dict(
                run=self.run.to_dict(),
                metrics=self.metrics,
                seconds=self.seconds,
                commit=self.commit,
                torch=self.torch),
            sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> 'Result':
        """Of such a line.

        Raises:
            ValueError: If it is no such line.
        """
        fields = json.loads(line)
        try:
            return cls(**dict(fields, run=Run.from_dict(fields['run'])))
        except (KeyError, TypeError) as error:
            raise ValueError(f'{type(error).__name__}: {error}') from error
