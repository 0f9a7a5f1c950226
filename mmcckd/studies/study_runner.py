"""Conduct a study: do what its plan asks for and the results lack."""
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Protocol, Tuple

import torch

from .processes import Job, do_all
from .results_file import ResultsFile
from .run import Result, Run
from .training import CHECKPOINT, FEATURES, train

Wanted = Dict[str, List[Run]]  # row -> runs, done or not
Plan = Callable[[ResultsFile], Iterator[Wanted]]


class Display(Protocol):
    """What shows how far a study is."""

    def show(self, wanted: Wanted, results: Dict[str, Result],
             running: List[Job]) -> None:
        """Called every half second or so."""


def conduct(plan: Plan, folder: Path, root: Path, processes: int,
            display: Display) -> List[str]:
    """Train what is not yet trained.

    Args:
        plan (Plan): Gives the stages; see :func:`.plan.stages`.
        folder (Path): Holds ``results.jsonl`` and a folder for each run; runs
            are shared by all studies that are conducted in it.
        root (Path): The repository.
        processes (int): Runs side by side.
        display (Display): Told of the progress.

    Returns:
        List[str]: What failed, a line each.
    """
    file = ResultsFile(folder / 'results.jsonl')
    commit = commit_of(root)
    failures: Dict[str, str] = {}

    def do(jobs: Dict[Job, Optional[Run]], wanted: Wanted) -> None:
        def tick(running: List[Job]) -> None:
            display.show(wanted, file.results, running)

        tick([])
        for done in do_all(list(jobs), processes, tick):
            run = jobs[done.job]
            if done.error:
                failures[run.key if run else done.job.name] = (
                    f'{done.job.name}: {done.error} ({done.job.log})')
            elif run is not None:
                file.append(
                    Result(run, done.value, round(done.seconds, 1), commit,
                           torch.__version__))

    for wanted in plan(file):
        missing: Dict[str, Tuple[str, Run]] = {}
        clusterings: Dict[Path, Job] = {}
        for row, runs in wanted.items():
            for run in runs:
                if _is_done(run, file, folder) or run.key in failures:
                    continue
                if run.teacher and not _is_done(run.teacher, file, folder):
                    failures[run.key] = (
                        f'{row}, seed {run.seed}: its teacher failed')
                    continue
                missing[run.key] = (row, run)
                if run.superclasses:
                    out = superclasses_of(run, folder)
                    if not out.exists():
                        clusterings[out] = _clustering(run, out, folder, root)
        do(dict.fromkeys(clusterings.values()), wanted)
        do({
            _training(row, run, folder, root): run
            for row, run in missing.values()
        }, wanted)
    return list(failures.values())


def repeat(run: Run, folder: Path, root: Path, processes: int,
           display: Display) -> Dict[str, float]:
    """Do a run and its teacher, and return its metrics.

    Raises:
        RuntimeError: If one of them fails.
    """

    def plan(file: ResultsFile) -> Iterator[Wanted]:
        if run.teacher is not None:
            yield {'teacher': [run.teacher]}
        yield {'run': [run]}

    failures = conduct(plan, folder, root, processes, display)
    if failures:
        raise RuntimeError('\n'.join(failures))
    return ResultsFile(folder / 'results.jsonl').results[run.key].metrics


def run_folder(run: Run, folder: Path) -> Path:
    """Where a run's files are."""
    return folder / 'runs' / run.key


def superclasses_of(run: Run, folder: Path) -> Path:
    """The superclass file of the run's teacher."""
    return run_folder(run.teacher, folder) / (
        f'superclasses_{run.superclasses}.npz')


def commit_of(root: Path) -> str:
    """The commit of the repository, with a "+" if files have changed."""

    def git(*arguments: str) -> str:
        return subprocess.run(['git', '-C', str(root), *arguments],
                              capture_output=True,
                              text=True).stdout.strip()

    changed = git('status', '--porcelain', 'mmcckd', 'configs')
    return (git('rev-parse', '--short=10', 'HEAD') or 'unknown') + (
        '+' if changed else '')


def _is_done(run: Run, file: ResultsFile, folder: Path) -> bool:
    """A teacher's files are needed as well as its result."""
    if run.key not in file.results:
        return False
    if run.teacher is not None:
        return True
    files = run_folder(run, folder)
    return (files / CHECKPOINT).exists() and (files / FEATURES).exists()


def _training(row: str, run: Run, folder: Path, root: Path) -> Job:
    files = run_folder(run, folder)
    return Job(
        name=f'{row}, seed {run.seed}',
        function=train,
        arguments=(run, files, root,
                   run.teacher and run_folder(run.teacher, folder),
                   superclasses_of(run, folder) if run.superclasses else None),
        log=folder / 'logs' / f'{run.key}.log')


def _clustering(run: Run, out: Path, folder: Path, root: Path) -> Job:
    return Job(
        name=f'{run.superclasses} superclasses, teacher {run.teacher.seed}',
        function=cluster,
        arguments=(out, run.superclasses, root),
        log=folder / 'logs' / f'{run.teacher.key}_{out.stem}.log')


def cluster(out: Path, num_superclasses: int, root: Path) -> None:
    """Cluster the features of the teacher whose folder ``out`` is in.

    Raises:
        RuntimeError: If ``tools/cluster_superclasses.py`` fails.
    """
    config, = out.parent.glob('*.py')
    code = subprocess.call([
        sys.executable,
        str(root / 'tools/cluster_superclasses.py'),
        str(config),
        str(out.parent / CHECKPOINT), '--num-superclasses',
        str(num_superclasses), '--out',
        str(out), '--work-dir',
        str(out.parent)
    ])
    if code:
        raise RuntimeError(
            f'tools/cluster_superclasses.py ended with {code}')
