"""Study files: the recipes to compare, and how they are tuned."""
import difflib
import os.path as osp
import reprlib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, List

from mmcckd.teacher_store import StoreSettings

from .field_types import check_types
from .points import expand_points
from .rows import Row, Teachers
from .yaml_text import parse_yaml


@dataclass(frozen=True)
class Study:
    """A comparison of recipes.

    Args:
        name (str): Name of the file, without its suffix.
        title (str): A short title.
        question (str): The question and how it is answered, in sentences.
        teacher (Teachers): The teachers of all rows.
        rows (Dict[str, Row]): Rows by name, in the order of the table.
        options (dict): Entries that are overridden in the config of each row,
            not in that of the teacher.
        tune_seeds (int): Number of seeds for each setting; they differ from
            those of the table. Defaults to 3.
        axis (str): Label of the axis of ``value``; a study with it is drawn as
            a curve.
        answer (str): What its results show, in sentences; for the page.
        teacher_store (dict): ``views`` and other settings of a teacher store,
            without its path; see :class:`.FrozenTeacherDistill`. The runs of a
            teacher share stores, which are filled before, and all rows have
            the same views. Defaults to no store.
        seeds (int): Number of seeds of each row. Defaults to 20.
        pairs (str): What rows are paired by in intervals and tests,
            "teachers" or "seeds". With "teachers", the values of a teacher's
            students are averaged first; see :func:`.teacher_means`. Defaults
            to "teachers". With one teacher, "seeds" is used, and the results
            hold for this teacher.
        sets (List[str]): The options that ``points`` set.
        points (dict): Points of the axis by name, at each of which all rows
            are tuned and run; see :func:`.expand_points`. Defaults to none.
    """
    name: str
    title: str
    question: str
    teacher: Teachers
    rows: Dict[str, Row]
    options: Dict[str, Any] = field(default_factory=dict)
    tune_seeds: int = 3
    axis: str = ''
    answer: str = ''
    teacher_store: Dict[str, Any] = field(default_factory=dict)
    seeds: int = 20
    pairs: str = 'teachers'
    sets: List[str] = field(default_factory=list)
    points: Dict[str, Any] = field(default_factory=dict)

    @property
    def by_budget(self) -> bool:
        """Whether its axis is the number of training iterations."""
        return any(name.endswith('max_iters') for name in self.sets)

    @classmethod
    def load(cls, path: Path, root: Path) -> 'Study':
        """Read a study file, in YAML.

        Args:
            path (Path): The file.
            root (Path): The repository, which configs are relative to.

        Raises:
            ValueError: If the file does not exist or is not YAML, a key is
                unknown or missing, a config does not exist, rows have
                different numbers of settings, a row claims to beat one that
                does not exist, there are fewer than 2 seeds, the points are
                wrong, or a setting of a teacher store is wrong.
        """
        try:
            content = parse_yaml(Path(path).read_text('utf-8'))
        except FileNotFoundError:
            others = sorted(p.name for p in Path(path).parent.glob('*.yml'))
            raise ValueError(f'There is no study file {path}' + (
                f'; its folder has {", ".join(others)}.' if others else '.'
            )) from None
        except ValueError as error:
            raise ValueError(
                f'{path} is not YAML that can be read: {error}') from error
        check = _Checker(path, Path(root))
        content = check.keys('the study', content, cls, without=['name'])
        content['teacher'] = check.teacher('teacher', content['teacher'])
        if not isinstance(content['rows'], dict) or not content['rows']:
            raise ValueError(f'{path}: rows must be a mapping from names to '
                             f'rows, but is {reprlib.repr(content["rows"])}.')
        rows = {}
        for name, row in content['rows'].items():
            where = f'row {reprlib.repr(name)}'
            if not isinstance(name, str):
                raise ValueError(f'{path}: {where} must have a text as its '
                                 f'name; write {str(name)!r} with quotes.')
            row = check.keys(where, row, Row)
            if row.get('teacher') is not None:
                row['teacher'] = check.teacher(f'{where}: teacher',
                                               row['teacher'])
            rows[name] = Row(**row)
            check.config(where, rows[name].config)
        try:
            content['rows'] = expand_points(rows, content.get('points', {}),
                                            content.get('sets', []))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from error
        study = cls(name=Path(path).stem, **content)
        check.rows(study)
        check.pairs(study)
        check.teacher_stores(study)
        return study


class _Checker:
    """Checks whose errors name the file and the position in it."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.root = root

    def keys(self, where: str, content: Any, of: type,
             without: List[str] = ()) -> dict:
        """Check that the keys are the fields of a dataclass."""
        if not isinstance(content, dict):
            raise ValueError(f'{self.path}: {where} must be a mapping, but is '
                             f'{reprlib.repr(content)}.')
        known = [f for f in fields(of) if f.name not in without]
        names = [f.name for f in known]
        for key in content:
            if key not in names:
                near = difflib.get_close_matches(str(key)[:99], names, 1)
                raise ValueError(
                    f'{self.path}: {where} has an unknown key '
                    f'{reprlib.repr(key)}' +
                    (f'; did you mean {near[0]!r}?' if near else '.') +
                    f' The keys are {", ".join(names)}.')
        for f in known:
            if (f.default is f.default_factory is MISSING
                    and f.name not in content):
                raise ValueError(f'{self.path}: {where} lacks {f.name!r}.')
        # Rows and teachers are checked one by one.
        check_types(f'{self.path}: {where}', of, {
            name: value for name, value in content.items()
            if name not in ('rows', 'teacher')
        })
        return dict(content)

    def teacher(self, where: str, content: Any) -> Teachers:
        teacher = Teachers(**self.keys(where, content, Teachers))
        if teacher.seeds < 1:
            raise ValueError(f'{self.path}: {where} must have at least 1 '
                             f'seed, but has {teacher.seeds}.')
        self.config(where, teacher.config)
        return teacher

    def config(self, where: str, config: str) -> None:
        if not osp.isfile(self.root / config):
            raise ValueError(f'{self.path}: {where} has the config {config}, '
                             f'which is not in {self.root}.')

    def rows(self, study: Study) -> None:
        counts = {
            name: len(row.settings) for name, row in study.rows.items()
        }
        if len(set(counts.values()) - {0}) > 1:
            raise ValueError(
                f'{self.path}: rows have different numbers of settings to '
                f'choose from, {counts}, so some would have a better chance '
                'than others; give each the same number, or none.')
        for name, row in study.rows.items():
            for other in row.beats:
                if other not in study.rows or other == name:
                    raise ValueError(
                        f'{self.path}: row {name!r} claims to beat {other!r}, '
                        'which is not another row; the rows are '
                        f'{", ".join(map(repr, study.rows))}.')

    def pairs(self, study: Study) -> None:
        if study.tune_seeds < 1:
            raise ValueError(f'{self.path}: tune_seeds must be at least 1, '
                             f'but is {study.tune_seeds}.')
        if study.seeds < 2:
            raise ValueError(f'{self.path}: seeds must be an int of at least '
                             f'2, for intervals, but is {study.seeds!r}.')
        if study.pairs not in ('teachers', 'seeds'):
            raise ValueError(f'{self.path}: pairs must be teachers or seeds, '
                             f'but is {study.pairs!r}.')
        for name, row in study.rows.items():
            if row.teacher and row.teacher.seeds != study.teacher.seeds:
                raise ValueError(
                    f'{self.path}: row {name!r} has {row.teacher.seeds} '
                    f'teachers and the study {study.teacher.seeds}, but rows '
                    'are paired, so give them the same seeds.')

    def teacher_stores(self, study: Study) -> None:
        for name, row in study.rows.items():
            settings = {**study.teacher_store, **row.teacher_store}
            if not settings:
                continue
            if 'path' in settings:
                raise ValueError(
                    f'{self.path}: teacher_store has a path, but a study '
                    'keeps the stores in the folders of the teachers; remove '
                    'it.')
            try:
                StoreSettings.from_config(dict(settings, path='.'))
            except (TypeError, ValueError) as error:
                raise ValueError(f'{self.path}: teacher_store of row '
                                 f'{name!r}: {error}') from error
