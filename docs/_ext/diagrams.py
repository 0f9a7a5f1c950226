"""Diagrams in docstrings keep their lines, which reST would fill.

A diagram is a paragraph after the first, with an arrow in each of its lines.
"""
import re
from typing import List

ARROW = re.compile('->|─>')


def make_literal(lines: List[str]) -> None:
    """Turn each diagram of a docstring into a literal block, in place."""
    ends = [i for i, line in enumerate(lines) if not line.strip()]
    for start, end in reversed(list(zip(ends, [*ends[1:], len(lines)]))):
        paragraph = lines[start + 1:end]
        before = ''.join(lines[start - 1:start])
        if paragraph and all(map(ARROW.search, paragraph)) and (
                not before.endswith('::')):
            lines[start + 1:end] = ['::', '', *('    ' + line
                                                for line in paragraph)]


def setup(app) -> dict:
    app.connect('autodoc-process-docstring',
                lambda *args: make_literal(args[-1]))
    return dict(parallel_read_safe=True)
