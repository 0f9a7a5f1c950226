"""Mixed precision does not cost accuracy. tools/check_precision.sh runs it."""
from pathlib import Path

import pytest

from mmcckd.studies import Study
from mmcckd.studies.study_runner import run_study
from mmcckd.studies.summary import summarize

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_bfloat16_reaches_the_accuracy_of_float32(tmp_path, capsys):
    """The 95 % interval of the difference contains 0, or is above it."""
    study = Study.load(ROOT / 'configs/studies/precision.yml', ROOT)
    results, failures = run_study(study, study.seeds, tmp_path, ROOT, 2)
    assert not failures
    comparison, = summarize(study, results).comparisons
    difference, half_width = comparison.test[:2]
    with capsys.disabled():
        print(f'\nbfloat16 − float32: {difference:+.2f} ± {half_width:.2f} '
              f'points of test accuracy, {study.seeds} seeds')
    assert difference + half_width >= 0
