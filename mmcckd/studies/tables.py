"""The tables of a study, in Markdown and CSV."""
import csv
from pathlib import Path
from typing import Dict, List, Tuple

from mmcckd.files.atomic import atomic_write

from .steps_to_reach import steps_table
from .summary import COMPARED, Comparison, RowSummary, Summary

# metric, its name in tables, digits after the point
Column = Tuple[str, str, int]
ACCURACIES = [('val', 'validation, %', 2), ('test', 'test, %', 2)]
RETRIEVAL = [('retrieval_mAP', 'retrieval mAP, %', 2),
             ('retrieval_rank1', 'rank-1, %', 2)]
STRUCTURE = [
    ('intra_class_cosine', 'intra-class cosine', 3),
    ('inter_class_cosine', 'inter-class cosine', 3),
    ('cosine_gap', 'gap', 3),
    ('silhouette', 'silhouette', 3),
    ('cc_distance', 'L_CC to the teacher', 4),
    ('cka', 'CKA to the teacher', 3),
]
UNSEEN = [
    ('retrieval_intra_class_cosine', 'intra-class cosine', 3),
    ('retrieval_inter_class_cosine', 'inter-class cosine', 3),
    ('retrieval_cosine_gap', 'gap', 3),
    ('projected_intra_class_cosine', 'intra-class, projected', 3),
    ('projected_inter_class_cosine', 'inter-class, projected', 3),
    ('projected_cosine_gap', 'gap, projected', 3),
]
BETA = [('beta', 'β', 0)]
RATIOS = [('ratio_early', 'at the start', 2), ('ratio_late', 'at the end', 2)]
COMPARED_TITLES = dict(zip(COMPARED, ('test accuracy', 'mAP')))


def write_csv(summary: Summary, path: Path) -> Path:
    """Write a line for each run of the table, with all metrics."""
    names = [name for name, _, _ in ACCURACIES + STRUCTURE]
    names += [
        name for name, _, _ in RETRIEVAL + UNSEEN + BETA + RATIOS
        if any(row.has(name) for row in summary.rows.values())
    ]
    with atomic_write(path) as temporary, open(
            temporary, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['row', 'seed', *names, 'seconds'])
        for row, content in summary.rows.items():
            for seed, result in content.results.items():
                values = [result.metrics.get(name, '') for name in names]
                writer.writerow([row, seed, *values, result.seconds])
    return path


def to_markdown(summary: Summary, level: int = 2) -> str:
    """Tables of accuracies, comparisons, feature structure, and more.

    Args:
        summary (Summary): The summary of a study.
        level (int): Level of the heading. Defaults to 2.
    """
    study, rows = summary.study, summary.rows
    tuned = any(row.setting for row in rows.values())
    columns = _found(summary, ACCURACIES + RETRIEVAL)
    titles = ['', *(['chosen'] * tuned), 'seeds'] + [
        title for _, title, _ in columns
    ]
    lines = _header(titles, len(columns) + 1)
    for name, row in rows.items():
        cells = [name, *([_setting(row)] * tuned), str(len(row.results))]
        lines.append(_line(cells + _cells(row, columns)))
    if summary.comparisons:
        lines += ['', *_comparisons(summary)]
    for title, columns in (('test features', STRUCTURE),
                           ('features of unseen classes', UNSEEN),
                           ('gradient ratio r', RATIOS)):
        columns = _found(summary, columns)
        if columns:
            titles = [title] + [title for _, title, _ in columns]
            lines += ['', *_header(titles, len(columns))]
            lines += [
                _line([name] + _cells(row, columns))
                for name, row in rows.items()
                if any(row.has(metric) for metric, _, _ in columns)
            ]
    if study.by_budget:
        lines += ['', *steps_table(summary)]
    heading = f'{"#" * level} {study.title}'
    return '\n'.join(
        [heading, '', study.question.strip(), '', *lines]) + '\n'


def _comparisons(summary: Summary) -> List[str]:
    """A table with a line for each pair of rows, and columns by metric."""
    by_pair: Dict[Tuple[str, str], Dict[str, Comparison]] = {}
    for c in summary.comparisons:
        by_pair.setdefault((c.row, c.other), {})[c.metric] = c
    metrics = [
        metric for metric in COMPARED
        if any(metric in found for found in by_pair.values())
    ]
    titles = ['is better than']
    for metric in metrics:
        titles += [
            f'difference in {COMPARED_TITLES[metric]}', 'p (Holm)', 'shown?'
        ]
    lines = _header(titles, 0)
    for (row, other), found in by_pair.items():
        cells = [f'{row} > {other}']
        for metric in metrics:
            c = found.get(metric)
            cells += ['–'] * 3 if c is None else [
                f'{c.test.difference:+.2f} ± {c.test.half_width:.2f}',
                f'{c.p:.2g}', c.verdict
            ]
        lines.append(_line(cells))
    return lines


def _found(summary: Summary, columns: List[Column]) -> List[Column]:
    """The columns that a row has values for."""
    return [
        column for column in columns
        if any(row.has(column[0]) for row in summary.rows.values())
    ]


def _header(columns: List[str], numbers: int) -> List[str]:
    """The head of a table; its last ``numbers`` columns are right-aligned."""
    left = len(columns) - numbers
    return [_line(columns), '|' + '---|' * left + '---:|' * numbers]


def _line(cells: List[str]) -> str:
    return '| ' + ' | '.join(cells) + ' |'


def _cells(row: RowSummary, columns: List[Column]) -> List[str]:
    cells = []
    for metric, _, digits in columns:
        if row.has(metric):
            mean, half_width = row.interval(metric)
            cells.append(f'{mean:.{digits}f} ± {half_width:.{digits}f}')
        else:
            cells.append('–')
    return cells


def _setting(row: RowSummary) -> str:
    """Each option by the last two parts of its name, and its value."""
    return ', '.join(
        f'{".".join(name.split(".")[-2:])} = ' +
        (f'{value:g}' if isinstance(value, (int, float)) else f'{value}')
        for name, value in row.setting.items())
