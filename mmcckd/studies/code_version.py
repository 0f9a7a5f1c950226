"""The code and the processor that results are computed with."""
import hashlib
import platform
import subprocess
from pathlib import Path

import torch

PACKAGE = Path(__file__).resolve().parents[1]


def commit_of(root: Path) -> str:
    """The commit of the repository, with "+" if files have changed since.

    "unknown" outside of a git repository, or without git.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(['git', '-C', str(root), *arguments],
                              capture_output=True,
                              text=True).stdout.strip()

    try:
        commit = git('rev-parse', '--short=10', 'HEAD') or 'unknown'
        changed = git('status', '--porcelain', 'mmcckd', 'configs')
    except FileNotFoundError:
        return 'unknown'
    return commit + ('+' if changed else '')


def code_digest(root: Path) -> str:
    """Ten digits that change with mmcckd, the configs, or torch's version.

    Args:
        root (Path): The folder of ``configs/``.
    """
    digest = hashlib.sha256(torch.__version__.encode())
    for folder in (PACKAGE, root / 'configs'):
        for path in sorted(folder.rglob('*.py')):
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def processor_name() -> str:
    """The model of the processor, such as "AMD EPYC 7B13"."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    for line in lines:
        name, _, value = line.partition(':')
        if name.strip() == 'model name':
            return value.strip()
    return platform.processor() or platform.machine()
