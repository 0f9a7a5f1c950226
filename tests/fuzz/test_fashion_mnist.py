"""Files of Fashion-MNIST, compressed or not, with damaged bytes."""
import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.datasets import LocalFashionMNIST

from .mutations import damaged
from .outcomes import fuzz, outcome

LABELS = np.arange(20, dtype=np.uint8) % 10
IMAGES = np.random.RandomState(0).randint(0, 256, (20, 28, 28)).astype('u1')


def idx(array):
    header = np.array([0x800 + array.ndim, *array.shape], '>u4')
    return header.tobytes() + array.tobytes()


SOUND = {
    't10k-images-idx3-ubyte': idx(IMAGES),
    't10k-labels-idx1-ubyte': idx(LABELS)
}
NAMES = st.sampled_from(sorted(SOUND))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz')


def read(folder, name, content, suffix):
    for path in folder.iterdir():
        path.unlink()
    for other in SOUND:
        (folder / other).write_bytes(SOUND[other])
    (folder / name).unlink()
    (folder / f'{name}{suffix}').write_bytes(content)
    dataset = outcome(
        lambda: LocalFashionMNIST(
            str(folder), 'test', serialize_data=False), str(folder),
        ValueError)
    if dataset is None:
        return None
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    for info in infos:
        assert info['img'].shape == (28, 28) and info['img'].dtype == 'u1'
        assert type(info['gt_label']) is int and 0 <= info['gt_label'] < 10
    return infos


@given(
    file=NAMES.flatmap(lambda name: st.tuples(
        st.just(name), damaged(gzip.compress(SOUND[name], mtime=0)))))
@fuzz
def test_damaged_bytes_of_compressed_files(folder, file):
    """An error, or what was written: they have a checksum."""
    infos = read(folder, *file, '.gz')
    if infos is not None:
        assert [info['gt_label'] for info in infos] == LABELS.tolist()
        assert all(np.array_equal(info['img'], image)
                   for info, image in zip(infos, IMAGES))


@given(
    file=NAMES.flatmap(lambda name: st.tuples(
        st.just(name), damaged(SOUND[name]))))
@fuzz
def test_damaged_bytes(folder, file):
    """These have none, but there is a warning that they are not the published
    files. A part of an image is never taken for an image."""
    infos = read(folder, *file, '')
    if infos is not None:
        assert len(infos) == len(LABELS)
