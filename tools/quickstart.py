"""Train a small student with CCKD on real digits, in a few minutes.

Runs the study configs/studies/quickstart.yml on scikit-learn's digits. It
trains a teacher, and with several seeds a student alone, with KD, and with
CCKD, whose batches are drawn by CUR or SUR. It prints a table of test
accuracies, and writes ``summary.json``, a figure of correlation matrices, and
a page of the superclasses. An interrupted quickstart continues where it
stopped, and finished runs are reused until the code changes.
"""
import argparse
import json
import os
import shutil
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import Dict, List

import joblib
import numpy as np
from mmengine.config import Config

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.datasets import Digits
from mmcckd.files.atomic import atomic_write
from mmcckd.functional import gaussian_rbf
from mmcckd.studies import Run, Study
from mmcckd.studies.code_version import code_digest
from mmcckd.studies.feature_figures import (
    correlation_matrix,
    draw_correlations,
)
from mmcckd.studies.plan import make_run, teachers
from mmcckd.studies.study_folder import load_features, superclass_file
from mmcckd.studies.study_runner import run_study

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / 'configs' / 'studies' / 'quickstart.yml'
# The runs of each version of the code are in a folder of their own.
RUNS = 'code-'


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
        default=5,
        help='number of students of each kind; defaults to 5')
    parser.add_argument(
        '--jobs',
        type=int,
        default=joblib.cpu_count(),
        help='number of runs at a time; defaults to the number of cores')
    args = parser.parse_args()
    if args.seeds < 1 or args.jobs < 1:
        parser.error('--seeds and --jobs must be at least 1')
    return args


def main() -> None:
    args = parse_args()
    work_dir = args.work_dir.resolve()
    folder = work_dir / f'{RUNS}{code_digest(ROOT)}'
    check_work_dir(work_dir, folder)
    study = Study.load(STUDY, ROOT)
    results, failures = run_study(study, args.seeds, folder, ROOT, args.jobs)
    if failures:
        sys.exit('\n'.join([f'{len(failures)} runs failed:', *failures]))

    runs = {'teacher': teachers(study)}
    for name, row in study.rows.items():
        runs[name] = [
            make_run(study, row, {}, seed) for seed in range(args.seeds)
        ]
    summary = [
        dict(
            name=name,
            config=run.config,
            seed=run.seed,
            accuracy=round(results[run.key].metrics['test'], 2))
        for name, its_runs in runs.items() for run in its_runs
    ]
    with atomic_write(work_dir / 'summary.json') as temporary:
        temporary.write_text(json.dumps(dict(runs=summary), indent=2) + '\n')
    shutil.copyfile(
        superclass_file(runs['cckd_sur'][0], folder).with_suffix('.html'),
        work_dir / 'superclasses.html')
    draw_features(runs, folder, work_dir / 'correlations')
    print_table(summary)
    shown = os.path.relpath(work_dir)
    print(f'\nFigure:   {shown}/correlations.png\n'
          f'Clusters: {shown}/superclasses.html\n'
          f'Summary:  {shown}/summary.json')


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


def draw_features(runs: Dict[str, List[Run]], folder: Path, out: Path) -> None:
    """Draw correlation matrices of test digits, and print L_CC.

    The kernel is that of the CCKD config. The features are those of the neck,
    before a projection. For the students, the mean over the seeds is drawn.
    """
    labels = np.array(Digits(split='test').get_gt_labels())
    cfg = Config.fromfile(ROOT / runs['cckd'][0].config)
    kernel = partial(gaussian_rbf, gamma=cfg.gamma, order=cfg.order)

    def correlate(name: str) -> np.ndarray:
        return np.stack([
            correlation_matrix(load_features(run, folder), labels, kernel)
            for run in runs[name]
        ])

    teacher, = correlate('teacher')
    matrices = {'Teacher': teacher}
    for title, name in (('KD', 'kd'), ('CCKD', 'cckd')):
        students = correlate(name)
        distances = np.square(students - teacher).mean((1, 2)).tolist()
        text = f'{statistics.mean(distances):.4f}'
        if len(distances) > 1:
            text += f' ± {statistics.stdev(distances):.4f}'
        print(f'L_CC of {title} to the teacher: {text}')
        matrices[f'Students by {title}\n$L_{{CC}}$: {text}'] = students.mean(0)
    draw_correlations(matrices, out)


def print_table(summary: List[dict]) -> None:
    print('\nTest accuracy, % (719 digits; ± standard deviation over seeds)')
    for name in dict.fromkeys(run['name'] for run in summary):
        accuracies = [r['accuracy'] for r in summary if r['name'] == name]
        line = f'  {name:8s}  {statistics.mean(accuracies):6.2f}'
        if len(accuracies) > 1:
            line += (f' ± {statistics.stdev(accuracies):.2f}   seeds: ' +
                     ', '.join(f'{a:.2f}' for a in accuracies))
        print(line)


if __name__ == '__main__':
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f'quickstart: {type(error).__name__}: {error}')
    except KeyboardInterrupt:
        sys.exit('quickstart: interrupted; the same command continues')
