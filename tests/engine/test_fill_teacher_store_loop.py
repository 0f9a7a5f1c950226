"""Stores of float16 that are filled in different ways have the same bits."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from mmcckd.engine import fill_teacher_store
from mmcckd.models import FrozenTeacherDistill
from mmcckd.teacher_store import TeacherStore

ROOT = Path(__file__).parents[2]
CCKD = ROOT / 'configs/cckd/r14w16_r8w8_letters.py'
KD = ROOT / 'configs/baseline/kd_r14w16_r8w8_letters.py'
FC, NECK = 'ModuleOutputs:head.fc', 'ModuleOutputs:neck'
SAMPLES = 100


@pytest.fixture(scope='module')
def teacher_ckpt(tmp_path_factory):
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    torch.manual_seed(1)
    teacher = MODELS.build(Config.fromfile(CCKD).model.teacher)
    torch.save(dict(state_dict=teacher.state_dict()), path)
    return str(path)


@pytest.fixture
def fill(toy_letters, tmp_path, teacher_ckpt, monkeypatch):
    """Fill a store with two views, in batches of 3."""
    monkeypatch.setattr(Config, 'pretty_text', '')  # takes seconds
    batches = []
    run_teacher = FrozenTeacherDistill.run_teacher

    def run_and_count(model, images, data_samples, prepare=True):
        if prepare:  # not to look at the records only
            batches.append(len(images))
        run_teacher(model, images, data_samples, prepare)

    monkeypatch.setattr(FrozenTeacherDistill, 'run_teacher', run_and_count)

    def run(name, recipe=CCKD, all_views=True, **options):
        cfg = Config.fromfile(recipe)
        cfg.merge_from_dict({
            'work_dir': str(tmp_path / 'work'),
            'experiment_name': f'{tmp_path.name}_{len(batches)}',
            'log_level': 'WARNING',
            'train_dataloader.batch_size': 3,
            'train_dataloader.dataset.data_root': toy_letters,
            'model.teacher_ckpt': teacher_ckpt,
            'model.teacher_store': dict(path=str(tmp_path / name), views=2),
            **options
        })
        batches.clear()
        fill_teacher_store(cfg, all_views)
        return tmp_path / name, list(batches)

    return run


def rows(store):
    """The bytes of all rows, by source."""
    return {
        file.parent.name: file.read_bytes()
        for file in store.glob('*/rows.npy')
    }


def forget(store, rows, source='*'):
    """Mark rows as missing."""
    file, = store.glob(f'{source}/checksums.npy')
    checksums = np.load(file, mmap_mode='r+')
    checksums.flat[rows] = 0
    checksums.flush()


def test_the_order_does_not_matter(fill):
    store, batches = fill('both')
    assert batches == [3] * 2 * 34  # the last one is filled up
    both = rows(store)
    assert len(both) == 2

    fill('one_by_one', KD)
    store, batches = fill('one_by_one')
    assert batches == [3] * 2 * 34
    assert rows(store) == both
    # Everything is stored.
    assert fill('one_by_one')[1] == fill('one_by_one', KD)[1] == []


def test_an_interrupted_filling_changes_nothing(fill):
    store, _ = fill('store')
    complete = rows(store)
    forget(store, [0, 4, 5, 150], '*neck')
    forget(store, [4, 7, 199], '*fc')
    _, batches = fill('store')
    assert batches == [3] * 5  # those of 0; 4 and 5; 7; 150; 199
    assert rows(store) == complete
    assert TeacherStore.open(str(store)).filled() == {FC: 1, NECK: 1}


@pytest.mark.parametrize('iterations, part', ((34, 0.5), (35, 1)))
def test_views_that_the_training_shows(fill, iterations, part):
    store, batches = fill('store', KD, all_views=False,
                          **{'train_cfg.max_iters': iterations})
    assert TeacherStore.open(str(store)).filled() == {FC: part}
