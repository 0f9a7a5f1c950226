"""Images with damaged bytes."""
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mmcckd.datasets.transforms import LoadImage

from .mutations import damaged
from .outcomes import fuzz, outcome

PIXELS = np.random.RandomState(0).randint(0, 256, (13, 17, 3)).astype('u1')
FORMATS = ['JPEG', 'PNG', 'BMP', 'GIF', 'TIFF', 'WEBP', 'PPM']


def encoded(form):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, form)
    return file.getvalue()


SOUND = list(map(encoded, FORMATS))


@pytest.fixture(scope='module')
def path(tmp_path_factory):
    return tmp_path_factory.mktemp('fuzz') / 'image.jpg'


@given(
    content=st.sampled_from(SOUND).flatmap(damaged),
    backend=st.sampled_from(['cv2', 'pillow']))
@fuzz
def test_damaged_bytes(path, content, backend):
    """An error, or an image; what is in it cannot be checked. The decoders
    allocate what a header says, within limits of their own."""
    path.write_bytes(content)
    load = LoadImage(imdecode_backend=backend)
    found = outcome(
        lambda: load.transform(dict(img_path=str(path), sample_idx=3)),
        str(path),
        ValueError,
        believes_lengths=True)
    if found is not None:
        image = found['img']
        assert image.dtype == np.uint8 and image.ndim == 3
        assert image.shape[2] == 3 and image.size
        assert found['img_shape'] == image.shape[:2]
