"""Write docs/results.md with its tables and figures from results of studies.

    python tools/report_studies.py [--work-dir work_dirs/studies]

With work dirs of tools/study.py, their results are first copied to
docs/results, and if they have the study of the objective, the figures of its
features are drawn. Without them, the page, the tables and the other figures
are made from the results in docs/results. Studies without results are left
out.
"""
import argparse
import os
import sys
from pathlib import Path
from typing import Dict, List

import numpy as np

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets import Digits
from mmcckd.studies import Result, ResultsFile, Study
from mmcckd.studies.accuracy_figures import draw_study
from mmcckd.studies.feature_figures import (
    correlation_matrix,
    draw_correlations,
    draw_maps,
)
from mmcckd.studies.gain_figure import draw_gains, gains
from mmcckd.studies.line_figures import draw_learning_curves
from mmcckd.studies.paired_test import mean_interval
from mmcckd.studies.results_file import write_results
from mmcckd.studies.results_page import Group, results_of, to_page
from mmcckd.studies.study_folder import RESULTS, load_features
from mmcckd.studies.summary import Summary, summarize
from mmcckd.studies.tables import write_csv

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / 'docs'
# The studies of each group, which has its results in docs/results/GROUP.jsonl
# and a text before them in docs/results/about_GROUP.md.
GROUPS = dict(
    letters=('kanji_budget', 'kanji_no_logits', 'kanji_faces', 'kanji_batch',
             'kanji_width', 'kanji_beta', 'kanji_relational',
             'kanji_sampler_k', 'kanji_sampler', 'kanji_sampler_imbalanced',
             'kanji_sampler_noise'),
    fashion=('fashion_50', 'fashion'),
    runs=('objective', 'kernel', 'sampler', 'sampler_imbalanced', 'beta',
          'gamma'))  # of the digits


def load_studies(group: str) -> List[Study]:
    """The studies of a group."""
    return [
        Study.load(ROOT / f'configs/studies/{name}.yml', ROOT)
        for name in GROUPS[group]
    ]


def kept_results(group: str) -> ResultsFile:
    """The results of a group in docs/results."""
    return ResultsFile(DOCS / f'results/{group}.jsonl')


def found_groups() -> List[str]:
    """The groups that have results."""
    return [group for group in GROUPS if kept_results(group).results]


def summaries_of(group: str) -> List[Summary]:
    """Summaries of the studies of a group that have results."""
    results = kept_results(group).results
    summaries = [summarize(s, results) for s in load_studies(group)]
    return [summary for summary in summaries if summary.rows]


def write_page(docs: Path) -> List[Path]:
    """Write the page and its tables to a folder like docs/."""
    figures, page, tables = (docs / 'images' / 'results', docs / 'results.md',
                             docs / 'results')
    groups = {
        name: Group((DOCS / f'results/about_{name}.md').read_text(),
                    summaries_of(name),
                    results_of(load_studies(name),
                               kept_results(name).results))
        for name in found_groups()
    }
    page.write_text(
        to_page((DOCS / 'results/answer.md').read_text(),
                list(groups.values()),
                (DOCS / 'results/published.md').read_text(), figures, page))
    tables.mkdir(exist_ok=True)
    return [page] + [
        write_csv(summary, tables / f'{summary.study.name}.csv')
        for group in groups.values() for summary in group.summaries
    ]


def draw_figures(figures: Path) -> List[Path]:
    """Draw the figures of all studies, except those of features."""
    figures.mkdir(parents=True, exist_ok=True)
    summaries = [s for group in found_groups() for s in summaries_of(group)]
    written = []
    for summary in summaries:
        out = figures / summary.study.name
        written += draw_study(summary, out)
        if summary.study.by_budget:
            written += draw_learning_curves(
                summary, out.with_name(f'{out.name}_curves'))
    if any(len(gains(summary)) for summary in summaries):
        written += draw_gains(summaries, figures / 'gains')
    return written


def keep(group: str, found: Dict[str, Result]) -> None:
    """Copy the results that the studies of a group are based on.

    They replace earlier results of the same runs; the others stay.
    """
    file = kept_results(group)
    results = results_of(load_studies(group), {**file.results, **found})
    if results:
        write_results(file.path, results)


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
        action='append',
        default=[],
        help='copy the results from this work dir of tools/study.py; may be '
        'given several times')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    figures = DOCS / 'images/results'
    written = []
    for work_dir in args.work_dir:
        found = ResultsFile(work_dir / RESULTS).results
        for group in GROUPS:
            keep(group, found)
        objective = summarize(load_studies('runs')[0], found)
        if {'KD', 'KD + CC'} <= objective.rows.keys():
            written += draw_features(objective, work_dir, figures)
    written += write_page(DOCS) + draw_figures(figures)
    for path in written:
        print(os.path.relpath(path))


if __name__ == '__main__':
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f'report_studies: {type(error).__name__}: {error}')
