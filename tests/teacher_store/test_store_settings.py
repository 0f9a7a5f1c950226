import pytest
from mmengine.config import ConfigDict

from mmcckd.teacher_store import StoreSettings


def test_defaults():
    settings = StoreSettings.from_config(ConfigDict(path='store', views=10))
    assert settings == StoreSettings('store', 10, 0, 'float16', None)


@pytest.mark.parametrize('config, error, message', [
    (dict(path='s', view=3), ValueError,
     "no key 'view'; did you mean 'views'\\? Its keys are path, views, seed"),
    (dict(path='s'), ValueError, "needs the key 'views'; it has path"),
    ({}, ValueError, "needs the key 'path'; it has no keys"),
    ('s', TypeError, "dict such as .*, but is 's'"),
    (dict(path=3, views=1), TypeError, 'path of a folder, but is 3'),
    (dict(path='', views=1), TypeError, "path of a folder, but is ''"),
    (dict(path='s', views=0), ValueError, 'views should be 1 or more, .* 0'),
    (dict(path='s', views=True), TypeError, 'an integer, but is True'),
    (dict(path='s', views='3'), TypeError, "an integer, but is '3'"),
    (dict(path='s', views=1, seed=-1), ValueError, 'seed should be 0 or more'),
    (dict(path='s', views=1, dtype='bfloat16'), ValueError,
     "one of \\('float16', 'float32'\\), but is 'bfloat16'"),
    (dict(path='s', views=1, top_k=5), TypeError, 'dict\\(fc=100\\), .* 5'),
    (dict(path='s', views=1, top_k=dict(fc=0)), ValueError,
     "top_k\\['fc'\\] should be 1 or more"),
])
def test_refused(config, error, message):
    with pytest.raises(error, match=message):
        StoreSettings.from_config(config)
