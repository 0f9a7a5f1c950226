"""docs/results/views.jsonl has the runs of the studies of the views."""
from pathlib import Path

import pytest

from mmcckd.studies import ResultsFile, Study
from mmcckd.studies.results_page import results_of
from mmcckd.studies.summary import summarize
from mmcckd.studies.tables import write_csv

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs/results'
STUDIES = [
    Study.load(ROOT / f'configs/studies/{name}.yml', ROOT)
    for name in ('views', 'views_affine')
]
KEPT = ResultsFile(RESULTS / 'views.jsonl').results


@pytest.mark.parametrize('study', STUDIES, ids=lambda study: study.name)
def test_each_row_has_its_seeds(study, tmp_path):
    summary = summarize(study, KEPT)
    assert list(summary.rows) == list(study.rows)
    assert all(len(row.results) == 10 for row in summary.rows.values())
    path = write_csv(summary, tmp_path / f'{study.name}.csv')
    assert path.read_text() == (RESULTS / path.name).read_text()


def test_no_line_is_from_another_study():
    assert set(KEPT) == {r.run.key for r in results_of(STUDIES, KEPT)}
    assert all(result.commit.isalnum() for result in KEPT.values())
