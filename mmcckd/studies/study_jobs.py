"""The jobs of a study: training a run, and what has to be done before."""
import gc
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import torch

from mmcckd.engine import fill_teacher_store

from .processes import Job
from .run import Run
from .run_config import make_config
from .study_folder import CHECKPOINT, run_folder, superclass_file
from .training import train


def training_job(row: str, run: Run, folder: Path, root: Path) -> Job:
    """The job that trains and measures a run of a row."""
    return Job(
        name=f'{row}, seed {run.seed}',
        function=train,
        arguments=_arguments(run, folder, root),
        log=folder / 'logs' / f'{run.key}.log')


def clustering_jobs(runs: List[Tuple[str, Run]], folder: Path,
                    root: Path) -> List[Job]:
    """The jobs that make the superclass files that runs of rows lack."""
    jobs = {}
    for _, run in runs:
        if not run.superclasses:
            continue
        out = superclass_file(run, folder)
        if out.with_suffix('.html').exists():  # it is written last
            continue
        jobs[out] = Job(
            name=f'{run.superclasses} superclasses, teacher '
            f'{run.teacher.seed}',
            function=cluster,
            arguments=(out, run.superclasses, root),
            log=folder / 'logs' / f'{run.teacher.key}_{out.stem}.log')
    return list(jobs.values())


def filling_jobs(runs: List[Tuple[str, Run]], folder: Path,
                 root: Path) -> Dict[Job, List[Tuple[str, Run]]]:
    """The jobs that fill teacher stores, each with the runs that need it.

    Runs that differ in their seeds alone read the same from a store.
    """
    groups: Dict[str, List[Tuple[str, Run]]] = {}
    for row, run in runs:
        if run.teacher and run.teacher_store:
            key = replace(run, seed=run.teacher.seed).key
            groups.setdefault(key, []).append((row, run))
    jobs = {}
    for group in groups.values():
        row, run = group[0]
        job = Job(
            name=f'{row}, store of teacher {run.teacher.seed}',
            function=fill_store,
            arguments=_arguments(run, folder, root),
            log=folder / 'logs' / f'{run.key}_store.log')
        jobs[job] = group
    return jobs


def _arguments(run: Run, folder: Path, root: Path) -> tuple:
    """The arguments of :func:`.train`."""
    return (run, run_folder(run, folder), root,
            run.teacher and run_folder(run.teacher, folder),
            superclass_file(run, folder) if run.superclasses else None)


def fill_store(run: Run, folder: Path, root: Path, teacher_folder: Path,
               superclasses: Optional[Path]) -> None:
    """Store what a run reads from its teacher store, in one thread.

    The teacher's last bits depend on the batch in which a sample is computed.
    Here they are the same, whichever runs share the store. Nothing is done
    for a run without a store. The arguments are those of :func:`.train`.

    Raises:
        ValueError: If the training could not use the store.
    """
    torch.set_num_threads(1)
    gc.freeze()
    cfg = make_config(run, folder, root, teacher_folder, superclasses)
    if cfg.model.get('teacher_store'):
        fill_teacher_store(cfg, all_views=False)


def cluster(out: Path, num_superclasses: int, root: Path) -> None:
    """Cluster the features of the teacher in whose folder ``out`` is.

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
