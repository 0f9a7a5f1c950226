"""Which runs a study needs, given the results so far."""
from typing import Dict, Iterator, List, Optional

import numpy as np

from .results_file import ResultsFile
from .rows import Row, Teachers
from .run import TUNE_SEED, Result, Run
from .study_file import Study


def teachers(study: Study) -> List[Run]:
    """The runs of all teachers of a study."""
    found = [study.teacher]
    found += [row.teacher for row in study.rows.values() if row.teacher]
    return list({
        run.key: run
        for run in (make_teacher(teacher, seed) for teacher in found
                    for seed in range(teacher.seeds))
    }.values())


def make_teacher(teacher: Teachers, seed: int) -> Run:
    """The run of the teacher of students with a seed."""
    return Run(teacher.config, seed % teacher.seeds, teacher.options)


def make_run(study: Study, row: Row, setting: dict, seed: int) -> Run:
    """The run of a row with one of its settings."""
    teacher = make_teacher(row.teacher or study.teacher, seed)
    options = {**study.options, **row.options, **setting}
    return Run(row.config, seed, options, teacher, row.superclasses,
               {**study.teacher_store, **row.teacher_store} or None)


def tuning_runs(study: Study, row: Row, setting: dict) -> List[Run]:
    """The runs that measure a setting on the validation split."""
    seeds = range(TUNE_SEED, TUNE_SEED + study.tune_seeds)
    return [make_run(study, row, setting, seed) for seed in seeds]


def tuned(study: Study, row: Row,
          results: Dict[str, Result]) -> Optional[dict]:
    """The setting with the best mean accuracy on the validation split.

    Settings whose runs do not all have results are left out: a run may fail,
    for instance because its loss diverges. If several are best, the first is
    chosen.

    Returns:
        dict, optional: None if no setting has all results; empty if the row
        has no settings to choose from.
    """
    if not row.settings:
        return {}
    best, best_mean = None, -np.inf
    for setting in row.settings:
        runs = tuning_runs(study, row, setting)
        if all(run.key in results for run in runs):
            mean = np.mean([results[run.key].metrics['val'] for run in runs])
            if mean > best_mean:
                best, best_mean = setting, mean
    return best


def stages(study: Study, seeds: int,
           file: ResultsFile) -> Iterator[Dict[str, List[Run]]]:
    """The stages of a study: teachers, tuning, the table.

    A stage maps rows to the runs that they need, finished or not. It is
    computed when the one before it has finished. A row whose tuning failed has
    no runs in the table.

    Args:
        study (Study): The study.
        seeds (int): Number of seeds of each row of the table.
        file (ResultsFile): Results so far, which are read at each stage.
    """
    yield {'teachers': teachers(study)}
    if any(row.settings for row in study.rows.values()):
        yield {
            name: [
                run for setting in row.settings
                for run in tuning_runs(study, row, setting)
            ]
            for name, row in study.rows.items()
        }
    settings: Dict[str, Optional[dict]] = {
        name: tuned(study, row, file.results)
        for name, row in study.rows.items()
    }
    yield {
        name: [] if settings[name] is None else [
            make_run(study, row, settings[name], seed)
            for seed in range(seeds)
        ]
        for name, row in study.rows.items()
    }
