"""The jobs of a study: training a run, clustering a teacher's features."""
import subprocess
import sys
from pathlib import Path

from .processes import Job
from .run import Run
from .study_folder import CHECKPOINT, run_folder, superclass_file
from .training import train


def training_job(row: str, run: Run, folder: Path, root: Path) -> Job:
    """The job that trains and measures a run of a row."""
    return Job(
        name=f'{row}, seed {run.seed}',
        function=train,
        arguments=(run, run_folder(run, folder), root,
                   run.teacher and run_folder(run.teacher, folder),
                   superclass_file(run, folder) if run.superclasses else None),
        log=folder / 'logs' / f'{run.key}.log')


def clustering_job(run: Run, folder: Path, root: Path) -> Job:
    """The job that makes the superclass file of a run's teacher."""
    out = superclass_file(run, folder)
    return Job(
        name=f'{run.superclasses} superclasses, teacher {run.teacher.seed}',
        function=cluster,
        arguments=(out, run.superclasses, root),
        log=folder / 'logs' / f'{run.teacher.key}_{out.stem}.log')


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
