"""Run a study: the runs that its plan needs and that have no result yet."""
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Tuple

import torch

from .code_version import commit_of, processor_name
from .option_checks import check_options
from .plan import stages
from .processes import Job, JobResult, run_jobs
from .progress_table import Progress
from .results_file import ResultsFile
from .run import Result, Run
from .study_file import Study
from .study_folder import (
    CHECKPOINT,
    FEATURES,
    RESULTS,
    lock_folder,
    run_folder,
)
from .study_jobs import clustering_jobs, filling_jobs, training_job

Stage = Dict[str, List[Run]]  # row -> runs, finished or not
Plan = Callable[[ResultsFile], Iterator[Stage]]


def run_study(study: Study, seeds: int, folder: Path, root: Path,
              processes: int) -> Tuple[Dict[str, Result], List[str]]:
    """Run the missing runs of a study, and show the progress on the terminal.

    Args:
        study (Study): The study.
        seeds (int): Number of seeds of each row of the table.
        folder (Path): Holds ``results.jsonl`` and a folder for each run;
            studies that use the same folder share their runs.
        root (Path): The repository, which configs are relative to.
        processes (int): Number of runs at a time.

    Returns:
        tuple: All results in the folder by the keys of their runs, and a line
        for each run that failed.

    Raises:
        ValueError: If an option has no effect, or another process runs a
            study in the folder.
    """
    check_options(study, root)
    with lock_folder(folder), Progress(study.title) as progress:
        failures = run_plan(
            lambda file: stages(study, seeds, file), folder, root, processes,
            progress)
    return ResultsFile(folder / RESULTS).results, failures


def run_again(run: Run, folder: Path, root: Path,
              processes: int) -> Result:
    """Run a run and its teacher in an empty folder, and return its result.

    Raises:
        RuntimeError: If one of them fails.
    """

    def plan(file: ResultsFile) -> Iterator[Stage]:
        if run.teacher is not None:
            yield {'teacher': [run.teacher]}
        yield {'run': [run]}

    with Progress('Running again') as progress:
        failures = run_plan(plan, folder, root, processes, progress)
    if failures:
        raise RuntimeError('\n'.join(failures))
    return ResultsFile(folder / RESULTS).results[run.key]


def run_plan(plan: Plan, folder: Path, root: Path, processes: int,
             progress: Progress) -> List[str]:
    """Run the runs of a plan that have no result in the folder.

    Args:
        plan (Plan): Yields the stages; see :func:`.plan.stages`.
        folder, root, processes: As for :func:`run_study`.
        progress (Progress): Shows the state.

    Returns:
        List[str]: A line for each run that failed.
    """
    file = ResultsFile(folder / RESULTS)
    commit, processor = commit_of(root), processor_name()
    failures: Dict[str, str] = {}

    def execute(jobs: Iterable[Job], stage: Stage) -> Iterator[JobResult]:
        def show(running: List[Job]) -> None:
            progress.show(stage, file.results, running)

        show([])
        return run_jobs(list(jobs), processes, show)

    for stage in plan(file):
        missing = _missing(stage, file, folder, failures)
        for done in execute(clustering_jobs(missing, folder, root), stage):
            if done.error:
                failures[done.job.name] = _failure(done.job.name, done)
        fillings = filling_jobs(missing, folder, root)
        for done in execute(fillings, stage):
            for row, run in fillings[done.job] if done.error else ():
                failures[run.key] = _failure(f'{row}, seed {run.seed}', done)
        trainings = {
            training_job(row, run, folder, root): run
            for row, run in missing if run.key not in failures
        }
        for done in execute(trainings, stage):
            run = trainings[done.job]
            if done.error:
                failures[run.key] = _failure(done.job.name, done)
                continue
            file.append(
                Result(run, done.value.metrics, round(done.seconds, 1), commit,
                       torch.__version__, done.value.curve, processor))
    return list(failures.values())


def _missing(stage: Stage, file: ResultsFile, folder: Path,
             failures: Dict[str, str]) -> List[Tuple[str, Run]]:
    """The rows and runs that have no result, and have not failed."""
    missing: Dict[str, Tuple[str, Run]] = {}
    for row, runs in stage.items():
        for run in runs:
            if _is_done(run, file, folder) or run.key in failures:
                continue
            if run.teacher and not _is_done(run.teacher, file, folder):
                failures[run.key] = (
                    f'{row}, seed {run.seed}: its teacher failed')
                continue
            missing[run.key] = (row, run)
    return list(missing.values())


def _failure(name: str, done: JobResult) -> str:
    return f'{name}: {done.error} ({done.job.log})'


def _is_done(run: Run, file: ResultsFile, folder: Path) -> bool:
    """Whether a run has a result, and if it is a teacher, also its files."""
    if run.key not in file.results:
        return False
    if run.teacher is not None:
        return True
    files = run_folder(run, folder)
    return (files / CHECKPOINT).exists() and (files / FEATURES).exists()
