"""docs/troubleshooting.md: its messages are in the code, its tests exist."""
import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / 'docs/troubleshooting.md'
GAP = '…'  # what a message fills in

ENTRIES = re.findall(
    r'^### (.+?)\n(.*?)(?=^##|\Z)', PAGE.read_text(), re.M | re.S)


@pytest.mark.parametrize('title, text', ENTRIES, ids=[e[0] for e in ENTRIES])
def test_entry(title, text):
    """Each has a message that the code can give, and tests that exist."""
    messages = re.findall(r'```text\n(.*?)```', text, re.S)
    tests = re.findall(r'<!-- test: (\S+)::(\w+) -->', text)
    assert tests, 'no test'
    for message in messages:
        parts = [' '.join(part.split()) for part in message.split(GAP)]
        pattern = re.compile('.*'.join(map(re.escape, parts)))
        assert any(map(pattern.search, literals())), message
    for file, name in tests:
        assert name in functions(ROOT / file), f'{file} has no {name}'


def test_there_are_entries():
    assert len(ENTRIES) > 20


@lru_cache
def literals():
    """The text of each message in the code, with gaps for what it fills in."""
    found = []
    for folder in ('mmcckd', 'tools'):
        for path in (ROOT / folder).rglob('*.py'):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    text = ''.join(
                        part.value if isinstance(part, ast.Constant) else GAP
                        for part in node.values)
                elif isinstance(node, ast.Constant) and isinstance(
                        node.value, str):
                    text = node.value
                else:
                    continue
                found.append(' '.join(text.split()))
    return found


@lru_cache
def functions(path):
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
