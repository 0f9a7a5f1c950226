"""A student of a stored teacher has the same bits as without a store."""
import pytest
import torch

from mmcckd.engine import build_runner

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'),
    pytest.mark.usefixtures('deterministic'),
]


@pytest.fixture
def train(recipe):

    def run(name, store=None):
        cfg = recipe('digits')
        cfg.work_dir += name
        cfg.experiment_name += name
        cfg.train_cfg.update(max_epochs=3, val_interval=3)
        cfg.model.teacher_store = store
        if store is None:
            cfg.custom_hooks = [dict(type='RepeatableViewsHook', views=3)]
        runner = build_runner(cfg)
        runner.train()
        return runner.model.state_dict()

    return run


def assert_equal(found, expected):
    differences = {
        key: (found[key].double() - expected[key].double()).abs().max().item()
        for key in expected if not torch.equal(found[key], expected[key])
    }
    assert not differences


@pytest.mark.parametrize('dtype', ('float32', 'float16'))
def test_filled_store_gives_the_same_student(train, tmp_path, dtype):
    store = dict(path=str(tmp_path / 'store'), views=3, dtype=dtype)
    expected = train('filling', store)
    found = train('filled', store)
    assert_equal(found, expected)


def test_store_in_float32_changes_nothing(train, tmp_path):
    store = dict(path=str(tmp_path / 'store'), views=3, dtype='float32')
    assert_equal(train('with', store), train('without'))
