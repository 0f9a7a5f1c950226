"""Conduct a study: many seeds of several recipes, compared.

    python tools/study.py configs/studies/objective.yml

Trains what is not yet trained, in parallel processes, and writes a JSON line a
run; a study that was stopped goes on where it stopped. Ends with the study's
table and figure, in the work dir too. tools/report_studies.py makes the page
of all studies.

    python tools/study.py --repeat docs/results/runs.jsonl:12

does one run again, from its line, and says whether it gave the same.
"""
import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

import mmcckd  # noqa: F401  (first, it makes the toolbox below importable)
from mmcckd.studies import ResultsFile, Study
from mmcckd.studies.accuracy_figures import draw_study
from mmcckd.studies.option_checks import check_options
from mmcckd.studies.plan import stages
from mmcckd.studies.results_file import FolderLock
from mmcckd.studies.study_runner import conduct, repeat
from mmcckd.studies.summary import summarise
from mmcckd.studies.tables import to_markdown, write_csv

ROOT = Path(__file__).resolve().parent.parent


class Progress:
    """A table that is drawn over, or on no terminal a line now and then."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.start = self._said = time.time()
        self.console = Console()
        self.live = Live(console=self.console, auto_refresh=False)

    def __enter__(self) -> 'Progress':
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_) -> None:
        self.live.stop()

    def show(self, wanted, results, running) -> None:
        if self.console.is_terminal:
            self.live.update(
                self._table(wanted, results, running), refresh=True)
        elif time.time() - self._said > 30:
            self._said = time.time()
            runs = {run.key for runs in wanted.values() for run in runs}
            print(f'[{self._elapsed()}] {len(runs & set(results))}/'
                  f'{len(runs)} runs; ' + ' | '.join(j.name for j in running),
                  flush=True)

    def _table(self, wanted, results, running) -> Table:
        table = Table(title=f'{self.title}, {self._elapsed()}')
        table.add_column('row')
        for column in ('done', 'validation %', 'test %'):
            table.add_column(column, justify='right')
        for name, runs in wanted.items():
            done = [results[r.key].metrics for r in runs if r.key in results]
            means = [
                f'{sum(m[split] for m in done) / len(done):.2f}'
                if done else '' for split in ('val', 'test')
            ]
            table.add_row(name, f'{len(done)}/{len(runs)}', *means)
        table.caption = ' | '.join(job.name for job in running)
        return table

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.time() - self.start), 60)
        return f'{minutes}:{seconds:02d}'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'study', nargs='?', type=Path, help='study file, as those in '
        'configs/studies/')
    parser.add_argument(
        '--seeds',
        type=int,
        default=20,
        help='of each row of the table; defaults to 20')
    parser.add_argument(
        '--jobs',
        type=int,
        default=os.cpu_count(),
        help='runs side by side; defaults to the number of cores')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=ROOT / 'work_dirs' / 'studies',
        help='folder for everything, which studies may share one after '
        'another; defaults to work_dirs/studies')
    parser.add_argument(
        '--repeat',
        metavar='FILE:LINE',
        help='do the run of a line of a results file again, instead')
    args = parser.parse_args()
    if args.seeds < 2 or args.jobs < 1:
        parser.error('--seeds must be at least 2, and --jobs at least 1')
    if (args.study is None) == (args.repeat is None):
        parser.error('give a study file, or --repeat')
    return args


def main() -> None:
    args = parse_args()
    if args.repeat is not None:
        do_again(args.repeat, args.jobs)
        return
    study = Study.load(args.study, ROOT)
    check_options(study, ROOT)
    folder = args.work_dir.resolve()
    with FolderLock(folder):
        with Progress(study.title) as progress:
            failures = conduct(
                lambda file: stages(study, args.seeds, file), folder, ROOT,
                args.jobs, progress)
        results = ResultsFile(folder / 'results.jsonl').results
        summary = summarise(study, results)
        out = folder / study.name
        text = to_markdown(summary)
        out.with_suffix('.md').write_text(text)
        print(f'\n{text}')
        for path in (out.with_suffix('.md'),
                     write_csv(summary, out.with_suffix('.csv')),
                     *draw_study(summary, out)):
            print(os.path.relpath(path))
    if failures:
        sys.exit('\n'.join([f'{len(failures)} runs failed:', *failures]))


def do_again(line: str, processes: int) -> None:
    """Compare a result with that of its run, done again."""
    path, _, number = line.rpartition(':')
    results = list(ResultsFile(Path(path)).results.values())
    if not number.isdigit() or not 1 <= int(number) <= len(results):
        raise ValueError(f'--repeat {line}: give FILE:LINE, with a line from '
                         f'1 to {len(results)}.')
    old = results[int(number) - 1]
    with tempfile.TemporaryDirectory() as folder, Progress('Again') as show:
        new = repeat(old.run, Path(folder), ROOT, processes, show)
    print(f'{old.run.config}, seed {old.run.seed}, {old.run.options}')
    for name, value in old.metrics.items():
        print(f'  {name:20s} {value:12.6f} {new[name]:12.6f}')
    if new != old.metrics:
        sys.exit('The run did not repeat. It does on the same processor with '
                 f'the same versions: then commit {old.commit}, torch '
                 f'{old.torch}.')


if __name__ == '__main__':
    try:
        main()
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f'study: {type(error).__name__}: {error}')
    except KeyboardInterrupt:
        sys.exit('study: stopped; the same command goes on from here')
