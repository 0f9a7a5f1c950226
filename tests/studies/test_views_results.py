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


def test_the_table_of_the_page():
    page = (ROOT / 'docs/teacher_store.md').read_text()
    for study, augmentation in zip(STUDIES, ('random crop',
                                             'random affine map')):
        summary = summarize(study, KEPT)
        comparisons = {c.other: c for c in summary.comparisons}
        for name, row in summary.rows.items():
            epochs, views = (part.split()[0] for part in name.split(', '))
            cells = [augmentation, epochs, views]
            for metric in ('val', 'test'):
                values = row.metric(metric)
                cells.append(f'{values.mean():.2f} ± {values.std(ddof=1):.2f}')
            line = f'| {" | ".join(cells)} | '
            if name in comparisons:
                test, p = comparisons[name].test, comparisons[name].p
                difference = f'{-test.difference:+.2f}'.replace('-', '−')
                line += f'{difference} ± {test.half_width:.2f} | {p:.2g} |'
            assert line in page
