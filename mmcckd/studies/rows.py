"""The rows of a study, and their teachers."""
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional


@dataclass(frozen=True)
class Teachers:
    """The teachers of a study.

    Args:
        config (str): Config file, relative to the repository.
        options (dict): Entries of the config that are overridden.
        seeds (int): Number of teachers, with seeds from 0 on. A student of
            seed s has the teacher of seed s modulo this. Defaults to 1.
    """
    config: str
    options: Dict[str, Any] = field(default_factory=dict)
    seeds: int = 1


@dataclass(frozen=True)
class Row:
    """A row of a study's table.

    Args:
        config (str): Config file, relative to the repository.
        options (dict): Entries of the config that are overridden, on top of
            the study's.
        settings (List[dict]): Sets of options of which the best on the
            validation split is chosen. All rows with settings have the same
            number of them. Defaults to no settings.
        superclasses (int, optional): Number of superclasses, for the SUR
            sampler.
        beats (List[str]): Rows that it claims to beat, by a paired test each.
        value (float, optional): Its position on the axis, in a study that is
            drawn as a curve.
        teacher_store (dict): Settings that are overridden, on top of the
            study's.
        teacher (Teachers, optional): Its teachers, if they are not the
            study's.
        line (str): The line of the figure that its ``value`` is a point of.
    """
    config: str
    options: Dict[str, Any] = field(default_factory=dict)
    settings: List[Dict[str, Any]] = field(default_factory=list)
    superclasses: Optional[int] = None
    beats: List[str] = field(default_factory=list)
    value: Optional[float] = None
    teacher_store: Dict[str, Any] = field(default_factory=dict)
    teacher: Optional[Teachers] = None
    line: str = ''
