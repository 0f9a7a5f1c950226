"""docs/results/ has the runs that docs/teacher_store.md shows."""
from pathlib import Path

import pytest

from mmcckd.studies import ResultsFile, Study
from mmcckd.studies.results_page import results_of
from mmcckd.studies.summary import summarize
from mmcckd.studies.tables import write_csv

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / 'docs/results'
FILES = dict(views=('views', 'views_affine'), top_k=('top_k', ))
STUDIES = {
    name: Study.load(ROOT / f'configs/studies/{name}.yml', ROOT)
    for names in FILES.values() for name in names
}
KEPT = {name: ResultsFile(RESULTS / f'{name}.jsonl').results for name in FILES}


@pytest.mark.parametrize('file', FILES)
def test_each_row_has_its_seeds(file, tmp_path):
    for name in FILES[file]:
        summary = summarize(STUDIES[name], KEPT[file])
        assert list(summary.rows) == list(STUDIES[name].rows)
        assert all(len(row.results) == 10 for row in summary.rows.values())
        path = write_csv(summary, tmp_path / f'{name}.csv')
        assert path.read_text() == (RESULTS / path.name).read_text()


@pytest.mark.parametrize('file', FILES)
def test_no_line_is_from_another_study(file):
    results = results_of([STUDIES[name] for name in FILES[file]], KEPT[file])
    assert set(KEPT[file]) == {result.run.key for result in results}
    assert all(result.commit.isalnum() for result in KEPT[file].values())


def lines_of(study, file, first_cells):
    """The lines of a table: a row's cells, accuracies, and differences."""
    summary = summarize(STUDIES[study], KEPT[file])
    comparisons = {c.other: c for c in summary.comparisons}
    for name, row in summary.rows.items():
        cells = first_cells(name)
        for metric in ('val', 'test'):
            values = row.metric(metric)
            cells.append(f'{values.mean():.2f} ± {values.std(ddof=1):.2f}')
        line = f'| {" | ".join(cells)} | '
        if name in comparisons:
            test, p = comparisons[name].test, comparisons[name].p
            difference = f'{-test.difference:+.2f}'.replace('-', '−')
            line += f'{difference} ± {test.half_width:.2f} | {p:.2g} |'
        else:
            line += '| |'
        yield line


@pytest.mark.parametrize('study, augmentation',
                         (('views', 'random crop'),
                          ('views_affine', 'random affine map')))
def test_the_table_of_the_views(study, augmentation):
    page = (ROOT / 'docs/teacher_store.md').read_text()
    for line in lines_of(
            study, 'views', lambda name:
        [augmentation, *(part.split()[0] for part in name.split(', '))]):
        assert line in page


def test_the_table_of_top_k():
    page = (ROOT / 'docs/teacher_store.md').read_text()
    for line in lines_of(
            'top_k', 'top_k', lambda name:
        [part.split()[2] for part in name.split(', ')]):
        assert line in page
