"""Write docs/results.md, its tables and figures, from the results of studies.

    python tools/report_studies.py [--work-dir work_dirs/studies]

With a work dir of tools/study.py, its results are taken over into docs/results
first, and the pictures of features are drawn; without, the page, the tables
and the studies' figures are written anew from docs/results/runs.jsonl.
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
from mmcckd.studies.feature_figures import draw_correlations, draw_maps
from mmcckd.studies.paired_test import mean_interval
from mmcckd.studies.results_file import write_results
from mmcckd.studies.results_page import results_of, to_page
from mmcckd.studies.study_runner import run_folder
from mmcckd.studies.summary import Summary, summarise
from mmcckd.studies.tables import write_csv
from mmcckd.studies.training import FEATURES

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
    """The page and its tables, into a folder as docs/."""
    kept = results_of(load_studies(), results.results)
    summaries = [summarise(study, results.results) for study in load_studies()]
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
    """Teacher, KD and KD + CC: correlation matrices and maps."""
    labels = np.array(Digits(split='test').get_gt_labels())

    def features(result, teacher=False) -> np.ndarray:
        run = result.run.teacher if teacher else result.run
        return np.load(run_folder(run, work_dir) / FEATURES)

    rows = {name: objective.rows[name] for name in ('KD', 'KD + CC')}
    matrices = {
        'Teachers': [
            features(result, teacher=True)
            for result in list(rows['KD'].results.values())
            [:objective.study.teacher.seeds]
        ]
    }
    for name, row in rows.items():
        mean, half = mean_interval(row.metric('cc_distance'))
        title = f'Students by {name}\n$L_{{CC}}$ {mean:.4f} ± {half:.4f}'
        matrices[title] = [features(r) for r in row.results.values()]

    # One seed for the maps: that whose CC students are in the middle.
    distances = rows['KD + CC'].metric('cc_distance')
    seed = int(np.argsort(distances)[len(distances) // 2])
    chosen = {name: row.results[seed] for name, row in rows.items()}
    maps = {'Teacher': features(chosen['KD'], teacher=True)}
    for name, result in chosen.items():
        distance = result.metrics['cc_distance']
        title = f'Student by {name}\n$L_{{CC}}$ {distance:.4f}'
        maps[title] = features(result)
    return [
        *draw_correlations(matrices, labels, figures / 'correlations'),
        *draw_maps(maps, labels, figures / 'maps')
    ]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='take the results over from this work dir of tools/study.py')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    kept = DOCS / 'results/runs.jsonl'
    figures = DOCS / 'images/results'
    figures.mkdir(parents=True, exist_ok=True)
    written = []
    if args.work_dir is not None:
        found = ResultsFile(args.work_dir / 'results.jsonl').results
        write_results(kept, results_of(load_studies(), found))
        objective = summarise(load_studies()[0], found)
        written += draw_features(objective, args.work_dir, figures)
    results = ResultsFile(kept)
    written += write_page(DOCS, results)
    for study in load_studies():
        written += draw_study(
            summarise(study, results.results), figures / study.name)
    for path in written:
        print(os.path.relpath(path))


if __name__ == '__main__':
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f'report_studies: {type(error).__name__}: {error}')
