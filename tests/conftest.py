import pytest
from mmengine.registry import DefaultScope

import mmcckd  # noqa: F401


@pytest.fixture(autouse=True)
def no_default_scope():
    """A runner sets the default scope of the whole process; take it back."""
    before = dict(DefaultScope._instance_dict)
    yield
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(before)
