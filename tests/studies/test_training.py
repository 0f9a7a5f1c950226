"""What is measured in a run."""
from pathlib import Path

import numpy as np
import pytest
import torch

from mmcckd.studies import Run
from mmcckd.studies.run import TUNE_SEED
from mmcckd.studies.structure import compare_structure, some_classes
from mmcckd.studies.training import train

ROOT = Path(__file__).parents[2]
TEACHER = 'configs/baseline/r14w16_letters.py'
CCKD = 'configs/cckd/r14w16_r8w8_letters.py'


@pytest.fixture(scope='module')
def letters(toy_letters, tmp_path_factory):
    """A teacher, and a function that trains a student."""
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp('runs')
    short = {
        'data_root': str(toy_letters),
        'train_cfg.max_iters': 16,
        'train_dataloader.batch_size': 8
    }
    teacher = Run(TEACHER, 0, short)
    train(teacher, folder / 't', ROOT)

    def call(seed, config=CCKD, **options):
        options = {**short, 'experiment_name': f'{seed}_{options}', **options}
        run = Run(config, seed, options, teacher)
        return train(run, folder / 's', ROOT, folder / 't')

    yield call
    torch.set_num_threads(threads)


def test_recognition_and_retrieval(letters):
    """A run by iterations, with its learning curve and gradient ratio."""
    measures = letters(0, beta=50.0)
    metrics = measures.metrics
    structure = ('intra_class_cosine', 'inter_class_cosine', 'cosine_gap')
    assert set(metrics) == {
        'val', 'test', 'silhouette', 'cc_distance', 'cka', 'beta',
        'ratio_early', 'ratio_late', 'retrieval_mAP', 'retrieval_rank1',
        *structure, *(f'retrieval_{name}' for name in structure),
        *(f'projected_{name}' for name in structure)
    }
    assert metrics['beta'] == 50 and metrics['ratio_late'] > 0
    assert 0 < metrics['retrieval_mAP'] <= 100
    assert metrics['retrieval_cosine_gap'] != metrics['projected_cosine_gap']
    assert [iteration for iteration, _ in measures.curve] == [
        2, 4, 6, 8, 10, 12, 14, 16
    ]
    # The toy has fewer samples than a learning curve uses.
    assert measures.curve[-1][1] == pytest.approx(metrics['val'], abs=1e-3)


def test_a_run_that_chooses_a_setting(letters):
    """Its training is the same, without the other measurements."""
    measures = letters(TUNE_SEED)
    assert set(measures.metrics) == {'val'} and measures.curve == []


def test_measuring_does_not_change_the_training(letters, monkeypatch):
    metrics = letters(1).metrics
    monkeypatch.setattr(Run, 'chooses_setting', True)
    # MMEngine keeps one visualizer for runs of one name in the same second.
    again = letters(1, experiment_name='again')
    assert again.metrics == dict(val=metrics['val'])


def test_some_classes():
    labels = torch.arange(1000).repeat(20)
    some = some_classes(labels)
    assert len(some) == 2000
    assert len(labels[some].unique()) == 100
    assert (labels[some].bincount()[labels[some].unique()] == 20).all()
    few = torch.arange(10).repeat_interleave(70)
    assert torch.equal(some_classes(few), torch.arange(700))


def test_compare_structure_of_many_samples():
    """Only samples of some classes are compared."""
    labels = torch.arange(1000).repeat(20)
    features = torch.from_numpy(
        np.random.default_rng(0).normal(size=(20000, 4)).astype(np.float32))
    other = torch.where((labels == 0)[:, None], features, 2 * features + 1)
    measures = compare_structure(features, features, labels)
    assert measures['cc_distance'] == 0
    assert measures['cka'] == pytest.approx(1)
    assert compare_structure(features, other, labels)['cc_distance'] > 0


def test_a_diverged_training_is_an_error(letters):
    """Otherwise, its accuracy would be that of chance."""
    with pytest.raises(ValueError, match='contains NaN or Inf after iter'):
        letters(
            0, 'configs/baseline/kd_r14w16_r8w8_letters.py',
            **{'optim_wrapper.optimizer.lr': 1e9})
