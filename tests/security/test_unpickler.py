"""Pickles that name no forbidden function, but change allowed objects until
one can be reached."""
import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmcckd.files.checkpoints import read_checkpoint
from mmcckd.files.pickles import NUMPY, SafeUnpickler
from mmcckd.files.safe_loading import allowed
from tests.malicious import Trace

BUFFER = b'cmmengine.logging.history_buffer\nHistoryBuffer\n'


@pytest.fixture
def trace(tmp_path):
    return Trace(tmp_path)


@pytest.fixture(autouse=True)
def same_buffer():
    """What a payload changes would remain for all other tests."""
    HistoryBuffer()  # adds the methods that all buffers have
    methods = dict(HistoryBuffer._statistics_methods)
    yield
    found = dict(HistoryBuffer._statistics_methods)
    HistoryBuffer._statistics_methods.clear()
    HistoryBuffer._statistics_methods.update(methods)
    assert found == methods


def read(content, path, names):
    path.write_bytes(content)
    with open(path, 'rb') as file:
        return SafeUnpickler(file, names).load()


def text(value):
    return b'V' + value.encode() + b'\n'


def entries(**values):
    parts = (text(name) + value for name, value in values.items())
    return b'(' + b''.join(parts) + b'd'


def attribute(name):
    """getattr(HistoryBuffer, name)"""
    return b'cbuiltins\ngetattr\n(' + BUFFER + text(name) + b'tR'


def chain(code):
    """The state of a buffer adds names to the list that its class has; from
    HistoryBuffer.__init__, it goes to the globals of a module, and to eval."""

    def of(value, name):  # object.__getattribute__(value, name)
        return attribute('__getattribute__') + b'(' + value + text(
            name) + b'tR'

    def item(value, name):  # value.__getitem__(name)
        return of(value, '__getitem__') + b'(' + text(name) + b'tR'

    names = entries(__init__=b'I1\n', __getattribute__=b'I1\n')
    state = entries(statistics_methods=names, _log_history=b'N',
                    _count_history=b'N', max_length=b'N')
    buffer = BUFFER + b')\x81' + state + b'b0'
    builtins = item(of(attribute('__init__'), '__globals__'), '__builtins__')
    return buffer + item(builtins, 'eval') + b'(' + text(code) + b'tR.'


def test_functions_that_were_reached_are_not_called(trace, tmp_path):
    with pytest.raises(pickle.UnpicklingError, match='only the statistics'):
        read(chain(trace.code), tmp_path / 'chain.pkl', allowed())
    assert not trace.is_left


def test_state_of_a_buffer_adds_no_methods_to_its_class(tmp_path):
    """In a file of torch, on each version of torch."""
    buffer = HistoryBuffer([1.], [1])
    buffer._statistics_methods = {'mean': 'not a method', 'other': 1}
    path = tmp_path / 'checkpoint.pth'
    torch.save(dict(state_dict=dict(w=torch.ones(1)), log=buffer), path)
    loaded = read_checkpoint(path)['log']
    assert type(loaded) is HistoryBuffer
    assert set(vars(loaded)) == {'max_length', '_log_history',
                                 '_count_history'}
    assert loaded.mean() == loaded.statistics('mean') == 1


@pytest.mark.parametrize('name', sorted(NUMPY))
def test_state_of_a_class_or_function_is_not_set(tmp_path, name):
    module, _, attribute = name.rpartition('.')
    content = f'c{module}\n{attribute}\n(N'.encode() + entries(
        __qualname__=text('other')) + b'tb.'
    with pytest.raises(pickle.UnpicklingError, match='it changes <class'):
        read(content, tmp_path / 'state.pkl', NUMPY)
    assert NUMPY[name].__qualname__ != 'other'


def test_methods_of_values_are_not_called(tmp_path):
    names = dict(NUMPY, **{'collections.OrderedDict.fromkeys': dict.fromkeys})
    content = (b'ccollections\nOrderedDict.fromkeys\n(Vab\ntR'
               b'(N' + entries(x=b'I1\n') + b'tb.')
    with pytest.raises(pickle.UnpicklingError, match="it changes <class 'di"):
        read(content, tmp_path / 'call.pkl', names)
    content = b'Va\n(tR.'
    with pytest.raises(pickle.UnpicklingError, match="it calls 'a'"):
        read(content, tmp_path / 'call.pkl', NUMPY)


@pytest.mark.parametrize('content', [
    b"(S'{}'\nios\nmkdir\n.", b"(cos\nmkdir\nS'{}'\no.",
    b"cos\nmkdir\n(S'{}'\ntR.", b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93(S'{}'\n"
    b'tR.', b"cos\nmkdir\n(S'{}'\nt\x81."
], ids=['INST', 'OBJ', 'REDUCE', 'STACK_GLOBAL', 'NEWOBJ'])
def test_each_instruction_that_calls(trace, tmp_path, content):
    content = content.replace(b'{}', os.fsencode(trace.path))
    with pytest.raises(pickle.UnpicklingError, match='os.mkdir'):
        read(content, tmp_path / 'call.pkl', allowed())
    assert not trace.is_left


@pytest.mark.parametrize('protocol', range(6))
def test_arrays_are_read_as_before(tmp_path, protocol):
    content = dict(a=np.arange(3), b=[np.float32(2)], c={'d': (1, None)})
    found = read(
        pickle.dumps(content, protocol), tmp_path / 'plain.pkl', NUMPY)
    assert found['a'].tolist() == [0, 1, 2]
    assert (found['b'], found['c']) == (content['b'], content['c'])
