"""Run a study: recipes compared over many seeds.

    python tools/study.py configs/studies/objective.yml

Runs are trained in parallel processes, and each result is a line of JSON in
the work dir. Runs that have a result are not repeated, so a study that was
interrupted continues where it stopped. At the end its table and figure are
written to the work dir. tools/report_studies.py writes the page of all
studies.

    python tools/study.py --repeat docs/results/runs.jsonl:12

repeats the run of a line and compares the metrics.
"""
import argparse
import os
import sys
import tempfile
from pathlib import Path

import joblib

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.files.atomic import atomic_write
from mmcckd.studies import ResultsFile, Study
from mmcckd.studies.accuracy_figures import draw_study
from mmcckd.studies.study_runner import run_again, run_study
from mmcckd.studies.summary import summarize
from mmcckd.studies.tables import to_markdown, write_csv

ROOT = Path(__file__).resolve().parent.parent


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'study',
        nargs='?',
        type=Path,
        help='study file, such as those in configs/studies/')
    parser.add_argument(
        '--seeds',
        type=int,
        help='number of seeds of each row of the table; defaults to that of '
        'the study file')
    parser.add_argument(
        '--jobs',
        type=int,
        default=joblib.cpu_count(),
        help='number of runs at a time; defaults to the number of cores')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=ROOT / 'work_dirs' / 'studies',
        help='folder for all files; studies may use the same one, but not at '
        'the same time; defaults to work_dirs/studies')
    parser.add_argument(
        '--repeat',
        metavar='FILE:LINE',
        help='instead of a study, repeat the run of a line of a results file')
    args = parser.parse_args()
    if (args.seeds is not None and args.seeds < 2) or args.jobs < 1:
        parser.error('--seeds must be at least 2, and --jobs at least 1')
    if (args.study is None) == (args.repeat is None):
        parser.error('give a study file, or --repeat')
    return args


def main() -> None:
    args = parse_args()
    if args.repeat is not None:
        repeat(args.repeat, args.jobs)
        return
    study = Study.load(args.study, ROOT)
    folder = args.work_dir.resolve()
    seeds = args.seeds or study.seeds
    results, failures = run_study(study, seeds, folder, ROOT, args.jobs)
    summary = summarize(study, results)
    out = folder / study.name
    text = to_markdown(summary)
    with atomic_write(out.with_suffix('.md')) as temporary:
        temporary.write_text(text)
    print(f'\n{text}')
    for path in (out.with_suffix('.md'),
                 write_csv(summary, out.with_suffix('.csv')),
                 *draw_study(summary, out)):
        print(os.path.relpath(path))
    if failures:
        sys.exit('\n'.join([f'{len(failures)} runs failed:', *failures]))


def repeat(line: str, processes: int) -> None:
    """Repeat the run of a line, and compare its metrics."""
    path, _, number = line.rpartition(':')
    results = list(ResultsFile(Path(path)).results.values())
    if not number.isdigit() or not 1 <= int(number) <= len(results):
        raise ValueError(f'--repeat {line}: give FILE:LINE, with a line from '
                         f'1 to {len(results)}.')
    old = results[int(number) - 1]
    with tempfile.TemporaryDirectory() as folder:
        new = run_again(old.run, Path(folder), ROOT, processes)
    print(f'{old.run.config}, seed {old.run.seed}, {old.run.options}')
    # Earlier versions measured more in some runs, and less in others.
    common = [name for name in old.metrics if name in new.metrics]
    for name in common:
        print(f'  {name:28s} {old.metrics[name]:12.6f} '
              f'{new.metrics[name]:12.6f}')
    if any(new.metrics[name] != old.metrics[name] for name in common):
        sys.exit('The metrics differ. They are the same on the same processor '
                 f'with the same versions: commit {old.commit}, torch '
                 f'{old.torch}, {old.processor or "processor not recorded"}.')


if __name__ == '__main__':
    try:
        main()
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f'study: {type(error).__name__}: {error}')
    except KeyboardInterrupt:
        sys.exit('study: interrupted; the same command continues the study')
