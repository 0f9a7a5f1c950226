"""Summarize the results of a study."""
from dataclasses import dataclass
from itertools import count
from typing import Dict, List, Optional, Tuple

import numpy as np

from .paired_test import (
    PairedTest,
    holm,
    mean_interval,
    paired_test,
    teacher_means,
)
from .plan import make_run, tuned
from .run import Result
from .study_file import Study

COMPARED = ('test', 'retrieval_mAP')  # metrics of the comparisons


@dataclass(frozen=True)
class RowSummary:
    """A row of the table.

    Args:
        setting (dict): The setting chosen on the validation split.
        results (Dict[int, Result]): Results by seed.
        teachers (int, optional): Number of teachers, if they are what rows
            are paired by.
    """
    setting: dict
    results: Dict[int, Result]
    teachers: Optional[int] = None

    def has(self, name: str) -> bool:
        """Whether all results have a metric."""
        return all(name in r.metrics for r in self.results.values())

    def metric(self, name: str) -> np.ndarray:
        """The values of a metric, in the order of the seeds, (n, )."""
        return np.array([r.metrics[name] for r in self.results.values()])

    def pairs(self, name: str, seeds: Optional[int] = None) -> np.ndarray:
        """The values of a metric that are paired, of the first seeds."""
        return self.paired(self.metric(name)[:seeds])

    def paired(self, values: np.ndarray) -> np.ndarray:
        """The values to be paired, of one value for each seed."""
        if self.teachers is None:
            return values
        return teacher_means(values, self.teachers)

    def interval(self, name: str) -> Tuple[float, float]:
        """The mean of a metric, and half its 95 % interval."""
        return mean_interval(self.pairs(name))


@dataclass(frozen=True)
class Comparison:
    """A metric of a row against one that it claims to beat.

    Args:
        metric (str): Name of the metric.
        row (str): The row that claims to be better.
        other (str): The other row.
        test (PairedTest): Test over the seeds that both rows have.
        p (float): p-value, corrected for the study's number of tests.
    """
    metric: str
    row: str
    other: str
    test: PairedTest
    p: float

    @property
    def verdict(self) -> str:
        """The result at a significance level of 5 %."""
        if self.p >= 0.05:
            return 'not shown'
        return 'yes' if self.test.difference > 0 else 'the contrary'


@dataclass(frozen=True)
class Summary:
    """The results of a study; rows without results are left out."""
    study: Study
    rows: Dict[str, RowSummary]
    comparisons: List[Comparison]


def summarize(study: Study, results: Dict[str, Result]) -> Summary:
    """Gather the results of a study's rows, and test what they claim.

    Args:
        study (Study): The study.
        results (Dict[str, Result]): Results by the keys of their runs; those
            of other studies are ignored.
    """
    rows = {}
    teachers = study.teacher.seeds
    if study.pairs == 'seeds' or teachers == 1:
        teachers = None
    for name, row in study.rows.items():
        setting = tuned(study, row, results)
        if setting is None:
            continue
        found = {}
        for seed in count():
            result = results.get(make_run(study, row, setting, seed).key)
            if result is None:
                break
            found[seed] = result
        if found:
            rows[name] = RowSummary(setting, found, teachers)

    tests = {}
    for metric in COMPARED:
        for name, row in rows.items():
            for other in study.rows[name].beats:
                if other not in rows:
                    continue
                theirs = rows[other]
                if row.has(metric) and theirs.has(metric):
                    n = min(len(row.results), len(theirs.results))
                    tests[metric, name, other] = paired_test(
                        row.pairs(metric, n), theirs.pairs(metric, n))
    corrected = holm([test.p for test in tests.values()])
    return Summary(study, rows, [
        Comparison(*pair, test, p)
        for (pair, test), p in zip(tests.items(), corrected)
    ])
