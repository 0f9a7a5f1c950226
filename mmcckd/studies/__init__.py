"""Studies: many seeds of several recipes, their statistics and pictures.

    study_file -> plan <-> results_file -> tables, figures
                   └─> processes ─> training
"""
from .results_file import ResultsFile
from .run import Result, Run
from .study_file import Row, Study

__all__ = ['Result', 'ResultsFile', 'Row', 'Run', 'Study']
