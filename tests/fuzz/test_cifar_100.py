"""Pickles of CIFAR-100 with damaged bytes and changed contents."""
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmcckd.datasets import LocalCIFAR100

from .mutations import VALUES, changed, damaged
from .outcomes import fuzz, outcome

LABELS = [5, 99, 0]
IMAGES = np.arange(3 * 3072).astype(np.uint8).reshape(3, 3072)
BATCH = dict(data=IMAGES, fine_labels=LABELS, filenames=['a', 'b', 'c'])
ARRAYS = [
    np.zeros(shape, dtype)
    for shape in [(), (0, ), (3, ), (3, 3072), (3, 0), (1, 3, 3072)]
    for dtype in [np.uint8, np.int8, np.float32, 'S1', 'U2']
]


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp('fuzz') / 'cifar-100-python'
    folder.mkdir()
    return folder / 'train'


def read(path, content):
    path.write_bytes(content)
    dataset = outcome(
        lambda: LocalCIFAR100(
            data_root=str(path.parent.parent), serialize_data=False),
        str(path), ValueError)
    if dataset is None:
        return None
    found = [dataset.get_data_info(i) for i in range(len(dataset))]
    for info in found:
        assert info['img'].shape == (32, 32, 3)
        assert info['img'].dtype == np.uint8
        assert type(info['gt_label']) is int and 0 <= info['gt_label'] < 100
    return found


PICKLES = [pickle.dumps(BATCH, protocol) for protocol in (2, 3, 4, 5)]


@given(content=st.sampled_from(PICKLES).flatmap(damaged))
@fuzz
def test_damaged_bytes(path, content):
    """An error, or images and labels. Pixels have no checksum, but there is a
    warning that it is not the published file."""
    read(path, content)


@st.composite
def damaged_around_the_pixels(draw):
    """Most bytes are pixels; damage what is before or after them."""
    content = draw(st.sampled_from(PICKLES))
    before, pixels, after = content[:150], content[150:-150], content[-150:]
    if draw(st.booleans()):
        return draw(damaged(before)) + pixels + after
    return before + pixels + draw(damaged(after))


@given(content=damaged_around_the_pixels())
@fuzz
def test_damaged_opcodes(path, content):
    read(path, content)


@given(batch=changed(BATCH, [*VALUES, *ARRAYS]))
@fuzz
def test_changed_contents(path, batch):
    read(path, pickle.dumps(batch, 4))
