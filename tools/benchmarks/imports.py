"""Measure import times, each in new processes.

    python tools/benchmarks/imports.py [--against PATH]

The output has the median seconds of

- torch         ``import torch`` alone
- functional    ``from mmcckd.functional import CCLoss``, after torch
- registering   ``import mmcckd, mmengine``, after torch, which registers all
                components

``--against`` gives the root of another checkout, in which the same is
measured; if it has no ``mmcckd.functional``, ``mmcckd.kernels`` is imported
instead. The target is 1 s for ``mmcckd.functional``.
"""
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Tuple

from checkouts import parse_checkouts

CODE = '''
import sys, time
start = time.perf_counter()
import torch
after_torch = time.perf_counter()
exec(sys.argv[1])
print(after_torch - start, time.perf_counter() - after_torch)
'''
REGISTERING = 'import mmcckd, mmengine'


def seconds(statement: str, checkout: Path) -> Tuple[float, float]:
    """Return the times of ``import torch``, and of a statement after it."""
    result = subprocess.run([sys.executable, '-c', CODE, statement],
                            cwd=checkout,  # Python searches it first
                            env=dict(os.environ, PYTHONPATH=str(checkout)),
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL,
                            text=True,
                            check=True)
    return tuple(map(float, result.stdout.split()))


def light_import(checkout: Path) -> str:
    if (checkout / 'mmcckd/functional').is_dir():
        return 'from mmcckd.functional import CCLoss'
    return 'from mmcckd.kernels import gaussian_rbf'


def main() -> None:
    checkouts, repetitions = parse_checkouts(__doc__)
    imports = [('this', 'pass')]
    for name, checkout in checkouts.items():
        imports += [(name, light_import(checkout)), (name, REGISTERING)]
    measured = {key: [] for key in imports}
    for _ in range(repetitions + 1):
        for name, statement in imports:  # in turn, so that drift hits all
            measured[name, statement].append(
                seconds(statement, checkouts[name]))

    print(f'medians of {repetitions} processes, seconds\n')
    print('| checkout | import | seconds after torch |')
    print('|---|---|---:|')
    torch = [pair[0] for pairs in measured.values() for pair in pairs[1:]]
    print(f'| | `import torch` | ({statistics.median(torch):.2f}) |')
    for (name, statement), pairs in measured.items():
        if statement != 'pass':
            median = statistics.median(pair[1] for pair in pairs[1:])
            print(f'| {name} | `{statement}` | {median:.2f} |')


if __name__ == '__main__':
    main()
