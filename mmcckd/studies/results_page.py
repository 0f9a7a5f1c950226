"""The page of all studies, docs/results.md, made from their results."""
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List

from mmcckd.files.pages import markdown_text

from .plan import teachers, tuning_runs
from .run import Result, Run
from .study_file import Study
from .summary import Summary, summarize
from .tables import to_markdown


@dataclass(frozen=True)
class Group:
    """Studies of a data set, and the text before them.

    Args:
        about (str): In Markdown, with a heading of level 2.
        summaries (List[Summary]): Summaries of the studies, in order.
        results (List[Result]): All results that they are based on.
    """
    about: str
    summaries: List[Summary]
    results: List[Result]


def to_page(answer: str, groups: List[Group], published: str, figures: Path,
            page: Path) -> str:
    """The text of the page.

    Args:
        answer (str): The opening, in Markdown, with the title of the page.
        groups (List[Group]): Groups of studies, in order.
        published (str): Text after the studies, in Markdown.
        figures (Path): Folder of the studies' figures.
        page (Path): File of the page, which links are relative to.
    """
    where = Path(os.path.relpath(figures, page.parent)).as_posix()
    parts = [answer.strip()]
    for group in groups:
        parts += [group.about.strip(), _origin(group.results)]
        for summary in group.summaries:
            study = summary.study
            parts.append(to_markdown(summary, level=3).strip())
            parts.append(f'![{study.title}]({where}/{study.name}.png)')
            if study.by_budget:
                parts.append(f'![{study.title}, learning curves]'
                             f'({where}/{study.name}_curves.png)')
            if study.answer:
                parts.append(study.answer.strip())
    return '\n\n'.join([*parts, published.strip()]) + '\n'


def _origin(results: List[Result]) -> str:
    """How the results of a group were computed."""
    hours = sum(result.seconds for result in results) / 3600
    commits, versions, processors = (
        sorted({markdown_text(getattr(r, name)) for r in results} - {''})
        for name in ('commit', 'torch', 'processor'))
    text = (f'The results are from {len(results):,} runs, which took '
            f'{hours:.1f} hours on one core, with commits '
            f'{", ".join(commits)} and torch {", ".join(versions)}')
    if processors:
        text += f', on {", ".join(processors)}'
    return text + '.'


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
