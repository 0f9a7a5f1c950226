import io
import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from mmcckd.files.pickles import NUMPY, SafeUnpickler, with_plain_arrays


def read(content, allowed=NUMPY, **kwargs):
    return SafeUnpickler(io.BytesIO(content), allowed, **kwargs).load()


@pytest.mark.parametrize('protocol', range(5))
@pytest.mark.parametrize('array', [
    np.arange(6, dtype=np.uint8).reshape(2, 3),
    np.asfortranarray(np.arange(6, dtype='>f4').reshape(2, 3)),
    np.array(['a', 'bc']), np.array([True]), np.float64(3)
], ids=str)
def test_arrays_and_plain_containers(array, protocol):
    value = dict(arrays=[array, (array, )], text='é', data=b'\xff', none=None)
    content = pickle.dumps(value, protocol)
    array, found = pickle.loads(content)['arrays'][0], read(content)
    found = with_plain_arrays(found)
    assert found.keys() == value.keys()
    for part in (found['arrays'][0], found['arrays'][1][0]):
        assert type(part) is type(array)
        assert part.dtype == array.dtype
        assert np.array_equal(part, array)
    assert found['text'] == 'é' and found['data'] == b'\xff'


def test_strings_of_python_2():
    content = (b'\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray'
               b'\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1'
               b'K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff'
               b'\xff\xffK\x00tb\x89U\x02\x01\xfftb.')
    assert read(content, encoding='latin1').tolist() == [1, 255]


class Mischief:

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('protocol', [2, 4])
def test_nothing_else_is_called(tmp_path, protocol):
    trace = tmp_path / 'trace'
    for call in (Mischief(os.mkdir, str(trace)),
                 Mischief(eval, f'__import__("os").mkdir({str(trace)!r})'),
                 Mischief(getattr, 'text', '__class__'), OrderedDict(a=1)):
        with pytest.raises(pickle.UnpicklingError, match='is not allowed'):
            read(pickle.dumps([call], protocol))
        assert not trace.exists()


def test_what_the_caller_allows():
    content = pickle.dumps(OrderedDict(a=1))
    allowed = {'collections.OrderedDict': OrderedDict}
    assert read(content, allowed) == OrderedDict(a=1)
    allowed = {'builtins.complex': complex}
    assert read(pickle.dumps(3j, 2), allowed) == 3j


@pytest.mark.parametrize('dtype', ['O', [('a', 'u1')], 'M8[s]', 'V8'])
def test_arrays_of_other_kinds_are_refused(dtype):
    with pytest.raises(pickle.UnpicklingError, match='only numbers, booleans'):
        read(pickle.dumps(np.zeros(2, dtype)))
