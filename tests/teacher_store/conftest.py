import numpy as np
import pytest

from mmcckd.teacher_store import RecordLayout, StoreSettings, TeacherStore

VIEWS, SAMPLES = 3, 50
NECK, FC = 'ModuleOutputs:neck', 'ModuleOutputs:head.fc'


@pytest.fixture
def make_store(tmp_path):
    """Open the same store again and again, also with other settings."""

    def make(num_samples=SAMPLES, identity=None, add=(NECK, FC), **settings):
        settings = dict(
            dict(path=str(tmp_path / 'store'), views=VIEWS), **settings)
        store = TeacherStore(
            StoreSettings(**settings), num_samples,
            dict(teacher='a', pipeline=[dict(type='Resize', scale=[8, 8])])
            if identity is None else identity)
        layouts = {
            NECK: RecordLayout(dict(list=[0]), [(4, 2)]),
            FC: RecordLayout(dict(list=[0]), [(10, )])
        }
        store.add({source: layouts[source] for source in add})
        return store

    return make


@pytest.fixture
def leaves():
    """Random leaves of both sources for n rows."""

    def make(n, seed=0):
        rng = np.random.default_rng(seed)
        return {
            NECK: [rng.standard_normal((n, 4, 2), np.float32)],
            FC: [rng.standard_normal((n, 10), np.float32)]
        }

    return make
