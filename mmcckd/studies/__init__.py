"""Studies: recipes compared over many seeds, with statistics and figures.

    study_file -> plan -> study_runner -> results_file -> summary -> tables,
                            └─> study_jobs -> processes, training    figures
"""
from .results_file import ResultsFile
from .rows import Row
from .run import Result, Run
from .study_file import Study

__all__ = ['Result', 'ResultsFile', 'Row', 'Run', 'Study']
