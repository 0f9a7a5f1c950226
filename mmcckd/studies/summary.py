"""Summarize the results of a study."""
from dataclasses import dataclass
from itertools import count
from typing import Dict, List

import numpy as np

from .paired_test import PairedTest, holm, paired_test
from .plan import make_run, tuned
from .run import Result
from .study_file import Study


@dataclass(frozen=True)
class RowSummary:
    """A row of the table.

    Args:
        setting (dict): The setting chosen on the validation split.
        results (Dict[int, Result]): Results by seed.
    """
    setting: dict
    results: Dict[int, Result]

    def metric(self, name: str) -> np.ndarray:
        """The values of a metric, in the order of the seeds, (n, )."""
        return np.array([r.metrics[name] for r in self.results.values()])


@dataclass(frozen=True)
class Comparison:
    """The test accuracy of a row against one that it claims to beat.

    Args:
        row (str): The row that claims to be better.
        other (str): The other row.
        test (PairedTest): Test over the seeds that both rows have.
        p (float): p-value, corrected for the study's number of comparisons.
    """
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
            rows[name] = RowSummary(setting, found)

    pairs = [(name, other) for name in rows
             for other in study.rows[name].beats if other in rows]
    tests = []
    for name, other in pairs:
        ours, theirs = rows[name].metric('test'), rows[other].metric('test')
        n = min(len(ours), len(theirs))
        tests.append(paired_test(ours[:n], theirs[:n]))
    corrected = holm([test.p for test in tests])
    return Summary(study, rows, [
        Comparison(*pair, test, p)
        for pair, test, p in zip(pairs, tests, corrected)
    ])
