import io
import re

import mmcv
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.registry import TRANSFORMS, init_default_scope
from mmengine.runner import Runner
from mmpretrain import ImageClassificationInferencer
from PIL import Image

from mmcckd.datasets import LoadImage

BACKENDS = ['cv2', 'pillow']


def encode(mode='RGB', kind='JPEG', **options):
    x = np.random.default_rng(0).integers(0, 256, (8, 6, 3), np.uint8)
    picture = Image.fromarray(x).resize((60, 80)).convert(mode)
    with io.BytesIO() as file:
        picture.save(file, kind, **options)
        return file.getvalue()


JPEG = encode()
with_thumbnail = Image.Exif()
with_thumbnail[0x927C] = JPEG  # the end of a JPEG, near the beginning

# All of them in files named .JPEG, as some of ImageNet's are.
READABLE = dict(
    jpeg=JPEG,
    progressive=encode(progressive=True),
    gray=encode('L'),
    cmyk=encode('CMYK'),
    png=encode(kind='PNG'),
    with_zeros_after=JPEG + bytes(100),
    with_much_after=JPEG + bytes(5000),
    with_thumbnail=encode(exif=with_thumbnail))
UNREADABLE = dict(
    empty=b'',
    text=b'<html>404 Not Found</html>',
    half=JPEG[:len(JPEG) // 2],
    zeros_for_the_rest=JPEG[:-400] + bytes(400),
    head=JPEG[:200],
    progressive=READABLE['progressive'][:-400],
    cmyk=READABLE['cmyk'][:-400],
    png=READABLE['png'][:-400],
    with_thumbnail=READABLE['with_thumbnail'][:-400])


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


@pytest.mark.parametrize('name', READABLE)
@pytest.mark.parametrize('options', [
    dict(), dict(to_float32=True), dict(color_type='grayscale')])
def test_loads_what_mmcv_loads(name, options, backend, tmp_path):
    path = tmp_path / 'a.JPEG'
    path.write_bytes(READABLE[name])
    mine, theirs = (
        load(imdecode_backend=backend, **options)(dict(img_path=str(path)))
        for load in (LoadImage, LoadImageFromFile))
    image = theirs.pop('img')
    assert np.array_equal(mine['img'], image)
    assert mine.pop('img').dtype == image.dtype
    assert mine == theirs and mine['img_shape'] == (80, 60)


@pytest.mark.parametrize('name', UNREADABLE)
def test_names_what_cannot_be_read(name, backend, tmp_path):
    path = tmp_path / 'b.JPEG'
    path.write_bytes(UNREADABLE[name])
    with pytest.raises(
            ValueError,
            match=f'(?s)Cannot read the image {re.escape(str(path))}, no. 7 '
            'of the data set: .+ If the file is damaged, copy or download'):
        LoadImage(imdecode_backend=backend)(
            dict(img_path=str(path), sample_idx=7))


def test_says_what_was_wrong(tmp_path):
    load = LoadImage()
    for name, cause in dict(
            half='OSError: image file is truncated', empty='error: .*empty',
            text='ValueError: the file contains no image').items():
        path = tmp_path / name
        path.write_bytes(UNREADABLE[name])
        with pytest.raises(ValueError, match=cause):
            load(dict(img_path=str(path)))
    for path, cause in ((tmp_path, 'IsADirectoryError'),
                        (tmp_path / 'none', 'FileNotFoundError')):
        with pytest.raises(ValueError, match=f'{path}, no.* {cause}'):
            load(dict(img_path=str(path)))


@pytest.mark.parametrize('num_workers', [0, 2])
def test_training_ends_with_the_path(num_workers, tmp_path):
    init_default_scope('mmpretrain')
    for folder in ('a', 'b'):
        (tmp_path / folder).mkdir()
        for i in range(3):
            (tmp_path / folder / f'{i}.JPEG').write_bytes(JPEG)
    broken = tmp_path / 'b/1.JPEG'
    broken.write_bytes(UNREADABLE['half'])
    loader = Runner.build_dataloader(
        dict(
            batch_size=2,
            num_workers=num_workers,
            sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dict(
                type='RepeatDataset',
                times=2,
                dataset=dict(
                    type='CustomDataset',
                    data_root=str(tmp_path),
                    pipeline=[
                        dict(type='LoadImage'),
                        dict(type='PackInputs')
                    ]))))
    batches = iter(loader)
    with pytest.raises(ValueError, match=f'{broken}, no. 4 of the data set'):
        list(batches)
    if num_workers > 0:  # else the garbage collection waits 10 s for them
        batches._shutdown_workers()


def test_an_inferencer_of_mmpretrain(tmp_path):
    config = tmp_path / 'config.py'
    (tmp_path / 'a.JPEG').write_bytes(JPEG)
    config.write_text('''
model = dict(
    type='ImageClassifier',
    backbone=dict(type='CIFARResNet', depth=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=64))
test_dataloader = dict(
    dataset=dict(
        type='CustomDataset',
        pipeline=[dict(type='LoadImage'), dict(type='PackInputs')]))
''')
    infer = ImageClassificationInferencer(
        str(config), pretrained=False, classes=['a', 'b', 'c'])
    by_path, = infer(str(tmp_path / 'a.JPEG'))
    by_image, = infer(LoadImage()(dict(img_path=tmp_path / 'a.JPEG'))['img'])
    assert np.array_equal(by_path['pred_scores'], by_image['pred_scores'])
    assert by_path['pred_class'] in 'abc'


def test_turbojpeg(monkeypatch, tmp_path):
    (tmp_path / 'a.JPEG').write_bytes(JPEG)
    load = LoadImage(imdecode_backend='turbojpeg')
    sample = dict(img_path=str(tmp_path / 'a.JPEG'))
    monkeypatch.setattr(mmcv.image.io, 'jpeg', None)
    monkeypatch.setattr(mmcv.image.io, 'TurboJPEG', None)
    with pytest.raises(ImportError, match='PyTurboJPEG'):
        load(sample)
    assert mmcv.image.io.imread_backend == 'cv2'

    class TurboJPEG:

        def decode(self, content, pixel_format):
            return mmcv.imfrombytes(content)

    monkeypatch.setattr(mmcv.image.io, 'TurboJPEG', TurboJPEG)
    assert np.array_equal(
        load(sample)['img'], mmcv.imfrombytes(JPEG))
    assert mmcv.image.io.imread_backend == 'cv2'


def test_is_built_under_any_scope():
    load = TRANSFORMS.build(dict(type='LoadImage', imdecode_backend='pillow'))
    assert isinstance(load, LoadImage)
    assert "imdecode_backend='pillow'" in repr(load)
    with pytest.raises(TypeError, match='ignore_empty'):
        LoadImage(ignore_empty=True)
