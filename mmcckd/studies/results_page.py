"""The page of all studies, docs/results.md, made from their results."""
import os
from pathlib import Path
from typing import Dict, Iterable, List

from .plan import teachers, tuning_runs
from .run import Result, Run
from .study_file import Study
from .summary import Summary, summarize
from .tables import to_markdown


def to_page(summaries: List[Summary], results: Iterable[Result],
            about: str, published: str, figures: Path, page: Path) -> str:
    """The text of the page.

    Args:
        summaries (List[Summary]): Summaries of the studies, in order.
        results (Iterable[Result]): All results that they are based on.
        about (str): Text before the studies, in Markdown.
        published (str): Text after the studies, in Markdown.
        figures (Path): Folder of the studies' figures.
        page (Path): File of the page, which links are relative to.
    """
    results = list(results)
    hours = sum(result.seconds for result in results) / 3600
    commits = sorted({result.commit for result in results})
    versions = sorted({result.torch for result in results})
    parts = [
        about.strip(),
        f'The results are from {len(results):,} runs, which took '
        f'{hours:.1f} hours on one core, with commits {", ".join(commits)} '
        f'and torch {", ".join(versions)}.'
    ]
    where = Path(os.path.relpath(figures, page.parent)).as_posix()
    for summary in summaries:
        name, title = summary.study.name, summary.study.title
        parts.append(to_markdown(summary).strip())
        parts.append(f'![{title}]({where}/{name}.png)')
        if summary.study.answer:
            parts.append(summary.study.answer.strip())
    return '\n\n'.join([*parts, published.strip()]) + '\n'


def results_of(studies: List[Study],
               results: Dict[str, Result]) -> List[Result]:
    """The results that the studies are based on.

    They are in the order of the studies, and within a study: teachers, then
    the tuning of each row and its runs in the table.
    """
    found: Dict[str, Result] = {}

    def take(runs: Iterable[Run]) -> None:
        for run in runs:
            if run.key in results:
                found[run.key] = results[run.key]

    for study in studies:
        take(teachers(study))
        for row in study.rows.values():
            for setting in row.settings:
                take(tuning_runs(study, row, setting))
        for row in summarize(study, results).rows.values():
            take(result.run for result in row.results.values())
    return list(found.values())
