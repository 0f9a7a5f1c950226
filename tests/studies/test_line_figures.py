"""Figures and tables of a study by budget, with made-up results."""
from dataclasses import replace

import numpy as np
import pytest

from mmcckd.studies import Result, Row, Study
from mmcckd.studies.accuracy_figures import draw_study
from mmcckd.studies.gain_figure import draw_gains, gains
from mmcckd.studies.line_figures import (
    by_line,
    draw_learning_curves,
    draw_lines,
    mean_curve,
)
from mmcckd.studies.plan import make_run
from mmcckd.studies.points import expand_points
from mmcckd.studies.rows import Teachers
from mmcckd.studies.summary import summarize
from mmcckd.studies.tables import to_markdown, write_csv

POINTS = dict(short=100, long=400)
SETS = ['max_iters']


@pytest.fixture
def summary():
    """KD + CC is better than KD by 2.1 and 1.9 points with the two teachers,
    in mAP by 1 less. Students of the second teacher are better by 10."""
    rows = dict(KD=Row('kd.py'), CC=Row('cc.py', beats=['KD']))
    study = Study(
        'made_up', 'Made up', 'Q?', Teachers('t.py', seeds=2),
        expand_points(rows, POINTS, SETS), axis='iterations', sets=SETS,
        points=POINTS)
    rng = np.random.default_rng(0)
    results = {}
    for name, row in study.rows.items():
        for seed in range(6):
            run = make_run(study, row, {}, seed)
            base = 60 + 10 * (row.value == 400) + 10 * (seed % 2)
            noise = 1 - seed // 2  # of mean 0 for each teacher
            with_cc = name.startswith('CC')
            more = with_cc * (0.1, -0.1)[seed % 2]
            metrics = dict(
                val=base, test=base + noise + 2 * with_cc + more,
                retrieval_mAP=base + noise + with_cc + more,
                retrieval_rank1=base)
            if with_cc:
                metrics.update(
                    beta=10, ratio_early=rng.uniform(1, 2), ratio_late=0.1)
            curve = [[row.value * i / 8, base - 20 + 2.5 * i]
                     for i in range(1, 9)]
            results[run.key] = Result(run, metrics, 1.0, 'c', 't', curve)
    return summarize(study, results)


def test_values_of_a_teacher_are_averaged(summary):
    row = summary.rows['KD, short']
    assert len(row.pairs('test')) == 2
    mean, half = row.interval('val')
    # 60 and 70: t(0.975, 1) = 12.706, standard error 5
    assert mean == 65 and half == pytest.approx(12.706 * 5, rel=1e-4)
    iterations, mean, half = mean_curve(row)
    assert iterations[-1] == 100 and mean[-1] == 65
    assert half[-1] == pytest.approx(12.706 * 5, rel=1e-4)


def test_comparisons_at_each_point_and_by_each_metric(summary):
    found = {(c.metric, c.row, c.other): c.test.difference
             for c in summary.comparisons}
    assert found == pytest.approx({
        (metric, f'CC, {point}', f'KD, {point}'): gain
        for metric, gain in (('test', 2), ('retrieval_mAP', 1))
        for point in POINTS
    })


def test_tables(summary, tmp_path):
    text = to_markdown(summary, level=3)
    assert text.startswith('### Made up\n')
    assert 'retrieval mAP, % | rank-1, %' in text
    assert '| CC, long > KD, long | +2.00 ± 1.27 |' in text
    # 70 % is reached by KD at 100 · 4^½ iterations, where it has 65 and 75.
    line, = (x for x in text.splitlines() if x.startswith('| KD, by budget'))
    assert ' 200 ' in line
    assert '| KD, during 400 |' in text
    # Only rows with CC have a gradient ratio.
    ratios = text.split('| gradient ratio r | at the start | at the end |')[1]
    assert '| CC, short | ' in ratios
    assert '| KD, short | ' not in ratios
    header = write_csv(summary, tmp_path / 'a.csv').read_text().splitlines()[0]
    assert 'retrieval_mAP' in header and 'ratio_late' in header
    assert 'projected' not in header  # not measured


def test_figures(summary, tmp_path):
    assert {name: list(rows) for name, rows in by_line(summary).items()} == {
        'KD': [100, 400],
        'CC': [100, 400]
    }
    written = [
        *draw_study(summary, tmp_path / 'lines'),
        *draw_learning_curves(summary, tmp_path / 'curves'),
        *draw_gains([summary], tmp_path / 'gains')
    ]
    for path in written:
        assert path.stat().st_size > 5000
    # The intervals of the rows extend beyond 100 %.
    assert draw_lines(summary).axes[0].get_ylim()[1] < 100.1
    np.testing.assert_allclose(
        gains(summary)[:, [0, 2, 3]], [[10, 0.1, 2]] * 2)


def test_a_row_without_a_value_is_a_level(summary):
    rows = dict(summary.study.rows)
    rows['KD, short'] = replace(rows['KD, short'], value=None, line='')
    figure = draw_lines(
        replace(summary, study=replace(summary.study, rows=rows)))
    for axes in figure.axes:
        level, = (x for x in axes.lines if x.get_label() == 'KD, short')
        assert list(level.get_ydata()) == [65, 65]
