"""Write docs/results.md with its tables and figures from results of studies.

    python tools/report_studies.py [--work-dir work_dirs/studies]

With a work dir of tools/study.py, its results are first copied to docs/results
and the figures of features are drawn. Without one, the page, the tables and
the figures of accuracies are made from docs/results/runs.jsonl.
"""
import argparse
import os
import sys
from pathlib import Path
from typing import List

import numpy as np

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets import Digits
from mmcckd.studies import ResultsFile, Study
from mmcckd.studies.accuracy_figures import draw_study
from mmcckd.studies.feature_figures import (
    correlation_matrix,
    draw_correlations,
    draw_maps,
)
from mmcckd.studies.paired_test import mean_interval
from mmcckd.studies.results_file import write_results
from mmcckd.studies.results_page import results_of, to_page
from mmcckd.studies.study_folder import RESULTS, load_features
from mmcckd.studies.summary import Summary, summarize
from mmcckd.studies.tables import write_csv

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / 'docs'
STUDIES = ('objective', 'kernel', 'sampler', 'sampler_imbalanced', 'beta',
           'gamma')


def load_studies() -> List[Study]:
    return [
        Study.load(ROOT / f'configs/studies/{name}.yml', ROOT)
        for name in STUDIES
    ]


def write_page(docs: Path, results: ResultsFile) -> List[Path]:
    """Write the page and its tables to a folder like docs/."""
    kept = results_of(load_studies(), results.results)
    summaries = [summarize(study, results.results) for study in load_studies()]
    figures = docs / 'images' / 'results'
    page = docs / 'results.md'
    page.write_text(
        to_page(summaries, kept, (DOCS / 'results/about.md').read_text(),
                (DOCS / 'results/published.md').read_text(), figures, page))
    tables = docs / 'results'
    tables.mkdir(exist_ok=True)
    return [page] + [
        write_csv(summary, tables / f'{summary.study.name}.csv')
        for summary in summaries
    ]


def draw_features(objective: Summary, work_dir: Path, figures: Path
                  ) -> List[Path]:
    """Draw correlation matrices and maps of teacher, KD and KD + CC."""
    labels = np.array(Digits(split='test').get_gt_labels())

    def features(result, teacher=False) -> np.ndarray:
        run = result.run.teacher if teacher else result.run
        return load_features(run, work_dir)

    def mean_matrix(results, teacher=False) -> np.ndarray:
        return np.mean([
            correlation_matrix(features(result, teacher), labels)
            for result in results
        ], axis=0)

    rows = {name: objective.rows[name] for name in ('KD', 'KD + CC')}
    matrices = {
        'Teachers':
        mean_matrix(
            list(rows['KD'].results.values())[:objective.study.teacher.seeds],
            teacher=True)
    }
    for name, row in rows.items():
        mean, half = mean_interval(row.metric('cc_distance'))
        title = f'Students by {name}\n$L_{{CC}}$ {mean:.4f} ± {half:.4f}'
        matrices[title] = mean_matrix(row.results.values())

    # The maps are of one seed: that with the median L_CC of KD + CC.
    distances = rows['KD + CC'].metric('cc_distance')
    seed = int(np.argsort(distances)[len(distances) // 2])
    chosen = {name: row.results[seed] for name, row in rows.items()}
    maps = {'Teacher': features(chosen['KD'], teacher=True)}
    for name, result in chosen.items():
        distance = result.metrics['cc_distance']
        title = f'Student by {name}\n$L_{{CC}}$ {distance:.4f}'
        maps[title] = features(result)
    return [
        *draw_correlations(matrices, figures / 'correlations'),
        *draw_maps(maps, labels, figures / 'maps')
    ]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='copy the results from this work dir of tools/study.py')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    kept = DOCS / 'results/runs.jsonl'
    figures = DOCS / 'images/results'
    figures.mkdir(parents=True, exist_ok=True)
    written = []
    if args.work_dir is not None:
        found = ResultsFile(args.work_dir / RESULTS).results
        write_results(kept, results_of(load_studies(), found))
        objective = summarize(load_studies()[0], found)
        written += draw_features(objective, args.work_dir, figures)
    results = ResultsFile(kept)
    written += write_page(DOCS, results)
    for study in load_studies():
        written += draw_study(
            summarize(study, results.results), figures / study.name)
    for path in written:
        print(os.path.relpath(path))


if __name__ == '__main__':
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f'report_studies: {type(error).__name__}: {error}')
