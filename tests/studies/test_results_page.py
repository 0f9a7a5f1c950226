"""docs/results.md agrees with the runs, and figures are drawn."""
import csv
import dataclasses
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler
from PIL import Image

from mmcckd.datasets import Digits
from mmcckd.datasets.samplers import GroupUniformSampler
from mmcckd.studies import Result, ResultsFile, Study
from mmcckd.studies.accuracy_figures import draw_study
from mmcckd.studies.feature_figures import (
    correlation_matrix,
    draw_correlations,
    draw_maps,
)
from mmcckd.studies.plan import make_run, teachers, tuning_runs
from mmcckd.studies.results_page import results_of
from mmcckd.studies.summary import summarize
from mmcckd.studies.tables import to_markdown

ROOT = Path(__file__).parents[2]
DOCS = ROOT / 'docs'


@pytest.fixture(scope='module')
def report():
    spec = importlib.util.spec_from_file_location(
        'report', ROOT / 'tools/report_studies.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_the_page_and_its_tables_are_up_to_date(report, tmp_path):
    """Otherwise: python tools/report_studies.py"""
    for path in report.write_page(tmp_path):
        name = path.relative_to(tmp_path)
        assert (DOCS / name).read_text() == path.read_text(), name


def test_each_row_has_its_seeds(report):
    for group in report.found_groups():
        kept = report.kept_results(group).results
        studies = [summary.study for summary in report.summaries_of(group)]
        for study in studies:
            rows = summarize(study, kept).rows
            missing = [name for name in study.rows if name not in rows]
            # A row whose runs all diverged has no results.
            assert not missing or 'diverged' in study.answer, missing
            for name, row in rows.items():
                # More if a study with more seeds has the same runs.
                assert len(row.results) >= study.seeds, (study.name, name)
        # Each line belongs to a study, and has a commit that can be repeated.
        assert set(kept) == {r.run.key for r in results_of(studies, kept)}
        assert all(result.commit.isalnum() for result in kept.values())


def test_figures_of_the_page_are_there(report):
    page = (DOCS / 'results.md').read_text()
    figures = re.findall(r'\]\((images/results/.*)\.png\)', page)
    assert len(figures) >= 6
    for figure in figures:
        for suffix in ('png', 'svg'):
            assert (DOCS / f'{figure}.{suffix}').exists()


def test_results_of_other_runs_are_kept(report, tmp_path, monkeypatch):
    """A work dir replaces results of the runs that it has, and no others."""
    monkeypatch.setattr(report, 'DOCS', tmp_path)
    kept = ResultsFile(DOCS / 'results/runs.jsonl').results
    (tmp_path / 'results').mkdir()
    report.keep('runs', kept)
    again = dataclasses.replace(next(iter(kept.values())), seconds=1.0)
    report.keep('runs', {again.run.key: again})
    found = report.kept_results('runs').results
    assert found == {**kept, again.run.key: again}
    assert found[again.run.key].seconds == 1.0
    report.keep('letters', kept)
    assert report.found_groups() == ['runs']


@pytest.mark.parametrize('name, data, steps, said', [
    ('sampler', dict(samples_per_class=20), {
        'CUR': (13, 13, 15),
        'SUR': (13, 15, 20)
    }, '13 an epoch, 416 in all, but 15 (480) for CUR with k = 8 and SUR with '
     'k = 4, and 20 (640) for SUR with k = 8'),
    ('sampler_imbalanced', dict(samples_per_class=50, imbalance=50), {
        'CUR': (10, 10, 10),
        'SUR': (10, 10, 10)
    }, 'of UR these have 9 steps, 396 in all, of CUR and SUR 10, 440 in all'),
])
def test_steps_of_the_samplers(name, data, steps, said):
    """Numbers of steps in the text of a study are those of the samplers."""
    study = Study.load(ROOT / f'configs/studies/{name}.yml', ROOT)
    epochs = study.options['train_cfg.max_epochs']
    assert said in ' '.join(study.question.split())
    digits = Digits(**data)
    groups = dict(CUR=np.array(digits.get_gt_labels()),
                  SUR=np.arange(len(digits)) % 20)
    sampler = DefaultSampler(digits, seed=0)
    for kind, expected in steps.items():
        assert expected == tuple(
            len(GroupUniformSampler(sampler, 16, groups[kind], k))
            for k in (2, 4, 8))
        for number in {*expected} - {13}:
            assert f'{number * epochs}' in said
    assert f'{-(-len(digits) // 16) * epochs} in all' in said


@pytest.fixture(params=['objective', 'beta'])
def made_up(request):
    """A study with results that were made up."""
    study = Study.load(ROOT / f'configs/studies/{request.param}.yml', ROOT)
    rng = np.random.default_rng(0)
    names = ('val', 'test', 'intra_class_cosine', 'inter_class_cosine',
             'cosine_gap', 'silhouette', 'cc_distance', 'cka')
    results = {}
    for row in study.rows.values():
        runs = [run for setting in row.settings
                for run in tuning_runs(study, row, setting)]
        runs += [make_run(study, row, setting, seed)
                 for setting in row.settings or [{}] for seed in range(4)]
        for run in [*teachers(study), *runs]:
            metrics = dict(zip(names, rng.uniform(80, 90, len(names))))
            results[run.key] = Result(run, metrics, 1.0, 'abc', '2')
    return study, results


def test_tables_have_the_means(made_up, report, tmp_path):
    study, results = made_up
    summary = summarize(study, results)
    text = to_markdown(summary)
    path = report.write_csv(summary, tmp_path / 'table.csv')
    with open(path, newline='') as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 * len(study.rows)
    for name in study.rows:
        tests = [float(line['test']) for line in lines if line['row'] == name]
        assert f'{np.mean(tests):.2f} ± ' in text
        assert text.count(f'\n| {name} |') == 2
    kept = results_of([study], results)
    used = {result.run.key for result in kept}
    assert len(used) == len(kept) and used <= set(results)
    assert {run.key for run in teachers(study)} <= used


def test_figures_are_drawn(made_up, tmp_path):
    study, results = made_up
    summary = summarize(study, results)
    for path in draw_study(summary, tmp_path / 'figure'):
        assert path.stat().st_size > 5000
        before = path.read_bytes()
        draw_study(summary, tmp_path / 'figure')
        assert path.read_bytes() == before
    picture = np.asarray(Image.open(tmp_path / 'figure.png').convert('L'))
    assert picture.shape[1] == 880 and picture.std() > 10
    text = (tmp_path / 'figure.svg').read_text()
    assert '<dc:date>' not in text


def test_feature_figures(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(10), 30))
    centers = rng.normal(size=(10, 16))
    features = {
        name: (centers[labels] + noise * rng.normal(size=(300, 16))).astype(
            np.float32)
        for name, noise in dict(a=0.1, b=1.0).items()
    }
    drawn = draw_maps(features, labels, tmp_path / 'maps')
    matrices = {n: correlation_matrix(f, labels) for n, f in features.items()}
    drawn += draw_correlations(matrices, tmp_path / 'correlations')
    for path in drawn:
        assert path.stat().st_size > 10000


def test_correlation_matrix():
    """Classes in order, 8 samples each; a loop over pairs agrees."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(3), 10))
    features = rng.normal(size=(30, 5)).astype(np.float32)
    chosen = [i for c in range(3) for i in np.flatnonzero(labels == c)[:8]]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    expected = [[np.exp(-0.4 * np.sum((unit[i] - unit[j])**2))
                 for j in chosen] for i in chosen]
    np.testing.assert_allclose(
        correlation_matrix(features, labels), expected, rtol=1e-5)
