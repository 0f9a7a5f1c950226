"""Check that the options of a study have an effect."""
from pathlib import Path

from mmcckd.engine.config_arguments import read_config

from .plan import make_run, teachers
from .study_file import Study


def check_options(study: Study, root: Path) -> None:
    """Check that each option of a study changes its config.

    Of runs that differ only in the values of their options, the first is
    checked, since each check reads a config again.

    Args:
        study (Study): The study.
        root (Path): The repository, which configs are relative to.

    Raises:
        ValueError: If an option has no effect; see
            :func:`mmcckd.config_files.overrides.override`.
    """
    runs = {'the teacher': teachers(study)[:1]}
    for name, row in study.rows.items():
        runs[f'row {name!r}'] = [
            make_run(study, row, setting, seed=0)
            for setting in row.settings or [{}]
        ]
    checked = set()
    for where, its_runs in runs.items():
        for run in its_runs:
            names = (run.config, *sorted(run.options))
            if names in checked:
                continue
            checked.add(names)
            try:
                read_config(str(root / run.config), run.options)
            except ValueError as error:
                raise ValueError(
                    f'Study {study.name}, {where}: {error}') from error
