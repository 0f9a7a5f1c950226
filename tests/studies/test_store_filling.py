"""Studies whose runs share teacher stores."""
from pathlib import Path

import pytest

from mmcckd.studies import Study
from mmcckd.studies.rows import Row, Teachers
from mmcckd.studies.study_runner import run_again, run_study

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def study(toy_letters):
    """Outputs of this teacher differ in batches of 1, 2 and 3."""
    options = {
        'data_root': toy_letters,
        'num_classes': 20,
        'train_cfg.max_iters': 100,
        'train_dataloader.batch_size': 3,
        'optim_wrapper.optimizer.lr': 0.05,
    }
    return Study(
        name='tiny',
        title='Tiny',
        question='Are the results the same?',
        teacher=Teachers('configs/baseline/r14w16_letters.py', options),
        options=options,
        teacher_store=dict(views=3),
        rows={'KD + CC': Row('configs/cckd/r14w16_r8w8_letters.py')})


def test_runs_are_reproducible(study, tmp_path):
    """The number of jobs and the other runs change nothing."""

    def run(processes):
        results, failures = run_study(study, 2, tmp_path / str(processes),
                                      ROOT, processes)
        assert not failures
        return results

    one, two = run(1), run(2)
    assert {key: result.metrics for key, result in one.items()} == {
        key: result.metrics for key, result in two.items()
    }
    student, = (result for result in one.values() if result.run.seed == 1)
    again = run_again(student.run, tmp_path / 'again', ROOT, processes=1)
    assert again.metrics == student.metrics
