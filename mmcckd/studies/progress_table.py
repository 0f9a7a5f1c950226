"""Show the progress of a study on the terminal."""
import time
from typing import Dict, List

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

from .processes import Job
from .run import Result, Run

SECONDS_BETWEEN_LINES = 30


class Progress:
    """A table that is redrawn; without a terminal, a line every 30 seconds.

    Args:
        title (str): Title of the table.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.start = self._last_line = time.time()
        self.console = Console()
        self.live = Live(console=self.console, auto_refresh=False)

    def __enter__(self) -> 'Progress':
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_) -> None:
        self.live.stop()

    def show(self, wanted: Dict[str, List[Run]], results: Dict[str, Result],
             running: List[Job]) -> None:
        """Show the state of a stage.

        Args:
            wanted (Dict[str, List[Run]]): Runs of the stage, by row.
            results (Dict[str, Result]): Results so far, by the keys of runs.
            running (List[Job]): Jobs that are running.
        """
        if self.console.is_terminal:
            self.live.update(
                self._table(wanted, results, running), refresh=True)
        elif time.time() - self._last_line > SECONDS_BETWEEN_LINES:
            self._last_line = time.time()
            runs = {run.key for runs in wanted.values() for run in runs}
            print(
                f'[{self._elapsed()}] {len(runs & set(results))}/{len(runs)} '
                'runs; ' + ' | '.join(job.name for job in running),
                flush=True)

    def _table(self, wanted, results, running) -> Table:
        table = Table(title=f'{self.title}, {self._elapsed()}')
        table.add_column('row')
        for column in ('done', 'validation %', 'test %'):
            table.add_column(column, justify='right')
        for name, runs in wanted.items():
            done = [results[r.key].metrics for r in runs if r.key in results]
            means = []
            for split in ('val', 'test'):  # some runs measure only the first
                values = [m[split] for m in done if split in m]
                means.append(f'{np.mean(values):.2f}' if values else '')
            table.add_row(name, f'{len(done)}/{len(runs)}', *means)
        table.caption = ' | '.join(job.name for job in running)
        return table

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.time() - self.start), 60)
        return f'{minutes}:{seconds:02d}'
