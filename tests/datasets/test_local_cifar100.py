import hashlib
import logging
import os
import pickle
import socket

import numpy as np
import pytest
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, init_default_scope
from mmpretrain.datasets import CIFAR100

from mmcckd.datasets import LocalCIFAR100
from mmcckd.datasets.toy import make_cifar100


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('The network was used.')

    monkeypatch.setattr(socket, 'create_connection', refuse)
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)


@pytest.fixture
def toy(tmp_path):
    make_cifar100(tmp_path / 'toy', 1)
    return tmp_path / 'toy'


def write(toy, batch, protocol=2):
    with open(toy / 'cifar-100-python/train', 'wb') as file:
        pickle.dump(batch, file, protocol=protocol)


def batch(**changes):
    labels = [5, 99, 0]
    data = np.arange(3 * 3072).astype(np.uint8).reshape(3, 3072)
    return {**dict(data=data, fine_labels=labels), **changes}


@pytest.mark.parametrize('split', ['train', 'test'])
def test_gives_what_mmpretrain_gives(toy, split, monkeypatch):
    dataset = LocalCIFAR100(data_root=str(toy), split=split)
    monkeypatch.setattr(CIFAR100, '_check_integrity', lambda self: True)
    theirs = CIFAR100(data_root=str(toy), split=split)
    assert len(dataset) == len(theirs) == 100
    assert dataset.metainfo == theirs.metainfo
    for mine, other in zip(dataset, theirs):
        assert np.array_equal(mine['img'], other['img'])
        assert mine['img'].dtype == np.uint8
        assert mine['gt_label'] == other['gt_label']


def test_rows_are_channels_first(toy):
    write(toy, batch())
    image = LocalCIFAR100(data_root=str(toy))[1]['img']
    for row, column, channel in ((0, 0, 0), (31, 2, 1), (7, 30, 2)):
        value = 3072 + channel * 1024 + row * 32 + column
        assert image[row, column, channel] == value % 256


def test_feeds_a_pipeline_of_mmpretrain(toy):
    init_default_scope('mmpretrain')
    dataset = DATASETS.build(
        dict(
            type='LocalCIFAR100',
            data_root=str(toy),
            split='test',
            pipeline=[
                dict(type='RandomCrop', crop_size=32, padding=4),
                dict(type='PackInputs')
            ]))
    sample = dataset[0]
    assert sample['inputs'].shape == (3, 32, 32)
    assert sample['data_samples'].gt_label.item() in range(100)


@pytest.mark.parametrize('protocol', [2, 3, 4])
@pytest.mark.parametrize('order', ['C', 'F'])
def test_pickles_of_any_age(toy, protocol, order):
    expected = batch()
    write(toy, batch(data=np.asarray(expected['data'], order=order)), protocol)
    path = toy / 'cifar-100-python/train'
    if protocol < 4:  # by the name that numpy 1 and the real files have
        path.write_bytes(path.read_bytes().replace(b'cnumpy._core.',
                                                   b'cnumpy.core.'))
    dataset = LocalCIFAR100(data_root=str(toy))
    assert dataset.get_gt_labels().tolist() == expected['fine_labels']
    images = np.stack([dataset[i]['img'] for i in range(3)])
    rows = images.transpose(0, 3, 1, 2).reshape(3, 3072)
    assert np.array_equal(rows, expected['data'])


def warnings_of(toy, caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        LocalCIFAR100(data_root=str(toy))
    finally:
        logger.removeHandler(caplog.handler)
    return [r.getMessage() for r in caplog.records
            if r.levelno == logging.WARNING]


def test_warns_once_of_data_that_is_not_the_published(toy, caplog):
    message, = warnings_of(toy, caplog)
    assert f'{toy}/cifar-100-python/train is not the published' in message
    assert '100 images' in message


def test_published_data_is_known_by_its_checksum(toy, caplog, monkeypatch):
    content = (toy / 'cifar-100-python/train').read_bytes()
    monkeypatch.setattr(LocalCIFAR100, 'train_list',
                        [['train', hashlib.md5(content).hexdigest()]])
    assert warnings_of(toy, caplog) == []


def test_other_ranks_are_silent(toy, caplog, monkeypatch):
    monkeypatch.setattr('mmcckd.datasets.local_cifar100.is_main_process',
                        lambda: False)
    assert warnings_of(toy, caplog) == []


def test_missing_file(toy):
    (toy / 'cifar-100-python/test').unlink()
    LocalCIFAR100(data_root=str(toy))  # needs the training set alone
    with pytest.raises(
            FileNotFoundError,
            match=f'{toy}/cifar-100-python/test; data_root must be.*Unpack '
            'https://www.cs.toronto.edu.*make toy data by tools/make_toy'):
        LocalCIFAR100(data_root=str(toy), split='test')


@pytest.mark.parametrize('changes, message', [
    (dict(data=np.zeros((3, 3071), np.uint8)), r'\(3, 3071\) for 3 fine_la'),
    (dict(data=np.zeros((2, 3072), np.uint8)), r'\(2, 3072\) for 3 fine_la'),
    (dict(data=np.zeros((0, 3072), np.uint8), fine_labels=[]), 'for 0 fine'),
    (dict(data=np.zeros((3, 3072), np.float32)), "float32, not uint8"),
    (dict(data=[[0] * 3072] * 3), "int64, not uint8"),
    (dict(fine_labels=[5, 100, 0]), r"fine_labels \['100'\]"),
    (dict(fine_labels=[5, 1.5, 0]), r"fine_labels \['1.5'\]"),
    (dict(fine_labels={5: 1, 1: 1, 0: 1}), 'fine_labels that are a dict'),
])
def test_another_layout(toy, changes, message):
    write(toy, batch(**changes), protocol=4)
    with pytest.raises(ValueError, match=f'train is not a file.*{message}'):
        LocalCIFAR100(data_root=str(toy))


@pytest.mark.parametrize('content', [
    b'', b'\x80\x02', b'\x80\x02]r\xff\xff\xff\xff.',
    b'\x80\x05\x96\0\0\0\0\0\1\0\0.', b'<html>Not found</html>',
    pickle.dumps([1, 2]), pickle.dumps(dict(data=1, labels=[1]))
])
def test_not_such_a_file(toy, content):
    (toy / 'cifar-100-python/train').write_bytes(content)
    with pytest.raises(ValueError, match='a pickle of a dict with "data"'):
        LocalCIFAR100(data_root=str(toy))


class Mischief:
    """What a malicious pickle would call when it is read."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def test_a_pickle_runs_no_code(toy, tmp_path):
    trace = tmp_path / 'trace'
    for call in (Mischief(os.mkdir, str(trace)),
                 Mischief(eval, f'__import__("os").mkdir({str(trace)!r})'),
                 Mischief(getattr, 'text', '__class__')):
        write(toy, batch(filenames=call))
        with pytest.raises(ValueError, match='Unpickl.*which is not allowed'):
            LocalCIFAR100(data_root=str(toy))
        assert not trace.exists()


def test_an_array_of_pointers_is_refused(toy):
    write(toy, batch(data=np.array([[object]], dtype=object)))
    with pytest.raises(ValueError, match="dtype 'O8', but only"):
        LocalCIFAR100(data_root=str(toy))
