"""Files that other tools read say the same as the package."""
import re
from pathlib import Path

import yaml

from mmcckd.version import __version__

ROOT = Path(__file__).parent.parent


def test_citation_names_this_version():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == __version__
    paper = citation['preferred-citation']
    assert f'title={{{paper["title"]}}}' in (ROOT / 'README.md').read_text()


def test_pre_commit_has_the_ruff_of_the_lock():
    lock = (ROOT / 'requirements/lock.txt').read_text()
    version = re.search(r'^ruff==(.+)$', lock, re.M).group(1)
    hooks = yaml.safe_load((ROOT / '.pre-commit-config.yaml').read_text())
    revisions = {repo['repo']: repo['rev'] for repo in hooks['repos']}
    assert revisions[
        'https://github.com/astral-sh/ruff-pre-commit'] == f'v{version}'
