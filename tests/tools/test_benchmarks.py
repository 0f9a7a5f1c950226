"""The benchmarks run; their times are not tested."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize('name, arguments, expected', [
    ('correlation_hook',
     ['--epochs', '5', '--batch', '16', '--repetitions',
      '1'], 'flagship at batch 16: a drawing'),
    ('data_loading', [
        'r50_mbv2_msmt17', '--images', '4', '--repetitions', '1', '--epochs',
        '2'
    ], '| num_workers=2, persistent_workers=True |'),
    ('loss', ['--sizes', '16x8', '8x32', '--repetitions', '2'],
     '| plain/ours | ours/products |'),
    ('reid_eval', [
        '--queries', '50', '--gallery', '400', '--width', '32', '--identities',
        '20', '--noise', '1', '--repetitions', '1', '--rerank'
    ], '50 queries × 400 × 32'),
    ('sampler', ['--epochs', '1'], '100.0% of the samples seen'),
    ('superclasses', [
        '--samples', '20000', '--width', '64', '--superclasses', '50',
        '--subset', '4000', '--subset-superclasses', '20', '--repetitions', '1'
    ], "4,000 samples into 20: inertia over that of scikit-learn's KMeans"),
    ('teacher_store_rounding', ['--epochs', '1'], '| float16, filled |'),
    ('train_step', [
        '--batch', '4', '--size', '32', '--repetitions', '1', '--rows',
        'student, prepared', 'stored, AMP'
    ], 'CC at batch 256:'),
])
def test_runs(name, arguments, expected):
    result = subprocess.run(
        [sys.executable, ROOT / f'tools/benchmarks/{name}.py', *arguments],
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stderr
    assert expected in result.stdout
