"""Train small students of letters with and without CC, in a few minutes.

Draws the letters of matplotlib's fonts, and runs the study
configs/studies/quickstart.yml on them: a teacher, and with several seeds
students that are trained by labels, labels + CC, KD, and KD + CC, with two
training budgets. It prints tables of the accuracy on unseen typefaces and of
the retrieval of unseen characters, and writes ``summary.json`` and figures. An
interrupted quickstart continues where it stopped, and finished runs are reused
until the code changes.
"""
import argparse
import json
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Dict, List

import joblib
import numpy as np
from mmengine.config import Config

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets import Letters
from mmcckd.datasets.letters import make_letters
from mmcckd.engine.config_arguments import read_config
from mmcckd.files.atomic import atomic_write
from mmcckd.functional import gaussian_rbf
from mmcckd.reid.visualization import ReIDModel, write_small_rank_lists
from mmcckd.studies import Run, Study
from mmcckd.studies.accuracy_figures import draw_study
from mmcckd.studies.code_version import code_digest
from mmcckd.studies.feature_figures import (
    correlation_matrix,
    draw_correlations,
)
from mmcckd.studies.line_figures import draw_learning_curves
from mmcckd.studies.plan import teachers
from mmcckd.studies.study_folder import (
    CHECKPOINT,
    RESULTS,
    load_features,
    run_folder,
)
from mmcckd.studies.study_runner import run_study
from mmcckd.studies.summary import Comparison, Summary, summarize

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / 'configs' / 'studies' / 'quickstart.yml'
# The files of each version of the code are in a folder of their own.
RUNS = 'code-'
ITERATIONS = 'train_cfg.max_iters'
METRICS = dict(test='accuracy, %', retrieval_mAP='mAP, %')
CLASSES_OF_A_FIGURE = 10
QUERIES = 3


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=ROOT / 'work_dirs' / 'quickstart',
        help='folder for all files; defaults to work_dirs/quickstart')
    parser.add_argument(
        '--seeds',
        type=int,
        default=Study.load(STUDY, ROOT).seeds,
        help='number of students of each row; defaults to %(default)s')
    parser.add_argument(
        '--classes',
        type=int,
        default=300,
        help='number of classes to recognize; defaults to %(default)s')
    parser.add_argument(
        '--scale',
        type=float,
        default=1,
        help='multiply all numbers of iterations by this, for instance by 4 '
        'for 1,000 classes; defaults to 1')
    parser.add_argument(
        '--jobs',
        type=int,
        default=joblib.cpu_count(),
        help='number of runs at a time; defaults to the number of cores')
    args = parser.parse_args()
    if args.seeds < 1 or args.jobs < 1:
        parser.error('--seeds and --jobs must be at least 1')
    if args.classes < CLASSES_OF_A_FIGURE:
        parser.error(f'--classes must be at least {CLASSES_OF_A_FIGURE}')
    if not 0 < args.scale < float('inf'):
        parser.error('--scale must be greater than 0')
    return args


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir.resolve()
    folder = work_dir / f'{RUNS}{code_digest(ROOT)}'
    check_work_dir(work_dir, folder)
    folder.mkdir(parents=True, exist_ok=True)
    letters = folder / f'letters_{args.classes}'
    if not letters.exists():
        print('Drawing the letters', flush=True)
        make_letters(letters, num_classes=args.classes)
    study = load_study(letters, args)
    results, failures = run_study(study, args.seeds, folder, ROOT, args.jobs)
    if failures:
        sys.exit('\n'.join([f'{len(failures)} runs failed:', *failures]))

    summary = summarize(study, results)
    teacher, = teachers(study)
    facts = dict(
        runs=[describe('teacher', teacher, results[teacher.key].metrics)] +
        [describe(name, result.run, result.metrics)
         for name, row in summary.rows.items()
         for result in row.results.values()],
        comparisons=[dict(
            row=c.row, other=c.other, metric=c.metric,
            difference=round(c.test.difference, 2),
            half_width=round(c.test.half_width, 2), verdict=verdict(c))
            for c in summary.comparisons])
    with atomic_write(work_dir / 'summary.json') as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + '\n')
    draw_study(summary, work_dir / 'accuracy')
    draw_learning_curves(summary, work_dir / 'learning_curves')
    # Of the smallest budget, at which the rows differ most.
    least = min(row.value for row in study.rows.values())
    runs = {'teacher': [teacher]}
    for name, row in summary.rows.items():
        if study.rows[name].value == least:
            runs[study.rows[name].line] = [
                result.run for result in row.results.values()]
    draw_features(runs, folder, letters, work_dir / 'correlations')
    draw_rank_lists(runs, folder, work_dir / 'rank_lists.png')
    print_tables(summary, facts['runs'][0])
    shown = os.path.relpath(work_dir)
    print(f'\nFigures: {shown}/accuracy.png\n'
          f'         {shown}/learning_curves.png\n'
          f'         {shown}/correlations.png\n'
          f'         {shown}/rank_lists.png\n'
          f'Summary: {shown}/summary.json\n'
          f'Runs:    {os.path.relpath(folder)}/{RESULTS}')


def check_work_dir(work_dir: Path, folder: Path) -> None:
    """Raise an error if the work dir has files of other programs."""
    if folder.exists() or not work_dir.exists():
        return
    if (any(work_dir.glob(f'{RUNS}*'))
            or (work_dir / 'teacher/fingerprint').exists()):  # earlier layout
        print(f'The runs in {work_dir} were made by another version of the '
              'code, so all are trained again.')
    elif any(work_dir.iterdir()):
        raise ValueError(
            f'{work_dir} has files that were not made by the quickstart, so '
            'it is left alone; give another --work-dir.')


def load_study(letters: Path, args: argparse.Namespace) -> Study:
    """The study file, with the data and the budgets of the arguments."""

    def scaled(options: dict) -> dict:
        iterations = max(1, round(args.scale * options[ITERATIONS]))
        return {**options, ITERATIONS: iterations}

    study = Study.load(STUDY, ROOT)
    data = dict(data_root=str(letters), num_classes=args.classes)
    rows = {}
    for name, row in study.rows.items():
        options = scaled(row.options)
        rows[name] = replace(
            row,
            options=options,
            value=options[ITERATIONS],
            # An interval needs at least two seeds.
            beats=row.beats if args.seeds > 1 else [])
    teacher = replace(
        study.teacher, options={**scaled(study.teacher.options), **data})
    return replace(
        study, teacher=teacher, rows=rows, options={**study.options, **data})


def describe(name: str, run: Run, metrics: Dict[str, float]) -> dict:
    """A run for the summary."""
    return dict(
        name=name,
        config=run.config,
        seed=run.seed,
        iterations=run.options[ITERATIONS],
        accuracy=round(metrics['test'], 2),
        mAP=round(metrics['retrieval_mAP'], 2),
        rank1=round(metrics['retrieval_rank1'], 2))


def draw_features(runs: Dict[str, List[Run]], folder: Path, letters: Path,
                  out: Path) -> None:
    """Draw correlation matrices of some letters in all test faces.

    The kernel is that of the config with CC. The features are those of the
    neck, before a projection. For the students, the mean over the seeds is
    drawn.
    """
    test = Letters(str(letters), split='test')
    labels = np.array(test.get_gt_labels())
    counts = np.bincount(labels)
    complete = np.flatnonzero(counts == counts.max())
    chosen = complete[np.unique(
        np.linspace(0, len(complete) - 1, CLASSES_OF_A_FIGURE).astype(int))]
    some = np.isin(labels, chosen)
    cfg = Config.fromfile(ROOT / runs['KD + CC'][0].config)
    kernel = partial(gaussian_rbf, gamma=cfg.gamma, order=cfg.order)
    matrices = {
        name: np.mean([
            correlation_matrix(
                load_features(run, folder)[some], labels[some], kernel)
            for run in its_runs
        ], axis=0)
        for name, its_runs in runs.items()
    }
    names = [test.metainfo['classes'][label][0] for label in chosen]
    draw_correlations(matrices, out, names, label='letter')


def draw_rank_lists(runs: Dict[str, List[Run]], folder: Path,
                    out: Path) -> None:
    """Draw the gallery entries nearest to some queries, of the first seed."""
    models = []
    for name, (run, *_) in runs.items():
        config = run.config.replace('.py', '_retrieval.py')
        models.append(
            ReIDModel(name, read_config(str(ROOT / config), run.options),
                      run_folder(run, folder) / CHECKPOINT))
    test_set = models[0].test_set
    queries = test_set.choose(QUERIES)
    write_small_rank_lists(out, models[0].loader.dataset, test_set, queries,
                           [model.search(queries, 8) for model in models])


def print_tables(summary: Summary, teacher: dict) -> None:
    """Print the metrics of each row, and what CC changes."""
    rows = summary.study.rows
    seeds = len(next(iter(summary.rows.values())).results)
    print('\nAccuracy on unseen typefaces and mAP of unseen characters, '
          f'{seeds} seed{"s" * (seeds > 1)}\n'
          '(mean ± 95 % interval over the seeds; '
          f'one teacher: {teacher["accuracy"]:.2f} and {teacher["mAP"]:.2f})')
    print(f'  {"iterations":>10s}  {"":14s}' + ''.join(
        f'{title:<18s}' for title in METRICS.values()).rstrip())
    for name, row in summary.rows.items():
        cells = ''
        for metric in METRICS:
            mean, half_width = row.interval(metric)
            cell = f'{mean:6.2f}'
            if seeds > 1:
                cell += f' ± {half_width:.2f}'
            cells += f'{cell:<18s}'
        print(f'  {rows[name].value:>10,d}  {rows[name].line:14s}{cells}'
              .rstrip())
    if seeds == 1:
        print('\nA comparison needs --seeds 2 or more.')
        return
    print('\nDifference that CC makes, paired by seed (± 95 % interval)')
    for metric, title in METRICS.items():
        for c in summary.comparisons:
            if c.metric == metric:
                row, other = rows[c.row], rows[c.other]
                pair = f'{row.line} against {other.line}'
                print(f'  {row.value:>10,d}  {pair:26s} '
                      f'{title.split(",")[0]:8s} {c.test.difference:+6.2f} '
                      f'± {c.test.half_width:.2f}  {verdict(c)}')


def verdict(comparison: Comparison) -> str:
    """Whether the 95 % interval of a difference excludes 0."""
    test = comparison.test
    if not abs(test.difference) > test.half_width:
        return 'no difference shown'
    return 'CC is ahead' if test.difference > 0 else 'CC is behind'


if __name__ == '__main__':
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f'quickstart: {type(error).__name__}: {error}')
    except KeyboardInterrupt:
        sys.exit('quickstart: interrupted; the same command continues')
