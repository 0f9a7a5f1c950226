"""The tables of a study, in Markdown and CSV."""
import csv
from pathlib import Path
from typing import List

from .paired_test import mean_interval
from .summary import RowSummary, Summary

# metric, its name in tables, digits after the point
ACCURACIES = [('val', 'validation, %', 2), ('test', 'test, %', 2)]
STRUCTURE = [
    ('intra_class_cosine', 'intra-class cosine', 3),
    ('inter_class_cosine', 'inter-class cosine', 3),
    ('cosine_gap', 'gap', 3),
    ('silhouette', 'silhouette', 3),
    ('cc_distance', 'L_CC to the teacher', 4),
    ('cka', 'CKA to the teacher', 3),
]


def write_csv(summary: Summary, path: Path) -> Path:
    """Write a line for each run of the table, with all metrics."""
    names = [name for name, _, _ in ACCURACIES + STRUCTURE]
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['row', 'seed', *names, 'seconds'])
        for row, content in summary.rows.items():
            for seed, result in content.results.items():
                values = [result.metrics.get(name, '') for name in names]
                writer.writerow([row, seed, *values, result.seconds])
    return path


def to_markdown(summary: Summary) -> str:
    """A table of accuracies, one of comparisons, one of feature structure."""
    study = summary.study
    tuned = any(row.setting for row in summary.rows.values())
    columns = ['', *(['chosen'] * tuned), 'seeds'] + [
        title for _, title, _ in ACCURACIES
    ]
    lines = _header(columns, len(ACCURACIES) + 1)
    for name, row in summary.rows.items():
        cells = [name, *([_setting(row)] * tuned), str(len(row.results))]
        lines.append(_line(cells + [
            _cell(row, metric, digits) for metric, _, digits in ACCURACIES
        ]))

    if summary.comparisons:
        lines += ['', *_header(['is better than', 'difference in test '
                                'accuracy', 'p (Holm)', 'shown?'], 0)]
        for c in summary.comparisons:
            lines.append(
                _line([
                    f'{c.row} > {c.other}',
                    f'{c.test.difference:+.2f} ± {c.test.half_width:.2f}',
                    f'{c.p:.2g}', c.verdict
                ]))

    columns = ['test features'] + [title for _, title, _ in STRUCTURE]
    lines += ['', *_header(columns, len(STRUCTURE))]
    for name, row in summary.rows.items():
        lines.append(_line([name] + [
            _cell(row, metric, digits) for metric, _, digits in STRUCTURE
        ]))
    return f'## {study.title}\n\n{study.question.strip()}\n\n' + '\n'.join(
        lines) + '\n'


def _header(columns: List[str], numbers: int) -> List[str]:
    """The head of a table; its last ``numbers`` columns are right-aligned."""
    left = len(columns) - numbers
    return [_line(columns), '|' + '---|' * left + '---:|' * numbers]


def _line(cells: List[str]) -> str:
    return '| ' + ' | '.join(cells) + ' |'


def _cell(row: RowSummary, metric: str, digits: int) -> str:
    mean, half_width = mean_interval(row.metric(metric))
    return f'{mean:.{digits}f} ± {half_width:.{digits}f}'


def _setting(row: RowSummary) -> str:
    """Each option by the last two parts of its name, and its value."""
    return ', '.join(f'{".".join(name.split(".")[-2:])} = {value:g}'
                     for name, value in row.setting.items())
