"""Superclass files are saved and loaded, and refused for other data."""
import hashlib
import json
import pickle
import zipfile

import numpy as np
import pytest

from mmcckd.datasets import Digits
from mmcckd.superclasses import Superclasses, fingerprint_dataset


class Images:
    """A dataset that has only paths, or only images."""

    def __init__(self, images, key='img_path'):
        self.images, self.key = images, key

    def __len__(self):
        return len(self.images)

    def get_data_info(self, idx):
        return {self.key: self.images[idx]}


PATHS = [f'/data/a/train/{c}/{i}.jpg' for c in 'xy' for i in range(3)]


def superclasses(dataset=None, **meta):
    dataset = dataset or Images(PATHS)
    labels = np.arange(len(dataset), dtype=np.int32) % 2
    return Superclasses(
        labels, np.array([[1., 0.], [0., 1.]], np.float32),
        dict(meta, dataset=fingerprint_dataset(dataset)))


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'superclasses.npz'


def test_what_is_saved_is_loaded(path):
    saved = superclasses(seed=3, teacher_sha256='ab', module='neck')
    saved.save(path)
    loaded = Superclasses.load(path)
    assert loaded.labels.dtype == np.int32
    assert np.array_equal(loaded.labels, saved.labels)
    assert loaded.centroids.dtype == np.float32
    assert np.array_equal(loaded.centroids, saved.centroids)
    assert loaded.meta == dict(saved.meta, format_version=1)
    assert loaded.sizes.tolist() == [3, 3]
    # Plain NumPy and JSON read it too.
    with np.load(path, allow_pickle=False) as arrays:
        assert set(arrays) == {'labels', 'centroids', 'meta'}
        assert json.loads(str(arrays['meta']))['module'] == 'neck'


def test_the_same_content_is_the_same_file(path):
    superclasses(b=1, a=2).save(path)
    first = path.read_bytes()
    superclasses(a=2, b=1).save(path)
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_old_file(path):
    superclasses().save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        superclasses(seed=object()).save(path)
    assert path.read_bytes() == before


class TestFits:

    def test_its_own_dataset_wherever_that_lies(self):
        moved = Images([p.replace('/data/a', 's3://b/elsewhere')
                        for p in PATHS])
        superclasses().of_samples(moved, 'f.npz')

    def test_images_without_a_path(self):
        digits = Digits(samples_per_class=2)
        superclasses(digits).of_samples(digits, 'f.npz')
        with pytest.raises(ValueError, match='of other images'):
            superclasses(digits).of_samples(
                Digits(split='val', samples_per_class=2), 'f.npz')

    @pytest.mark.parametrize('paths, what', [
        (PATHS[:-1], 'the file has 6 samples, the dataset 5'),
        (PATHS[::-1], 'same images, but in another order'),
        (PATHS[:-1] + ['/data/a/train/y/9.jpg'], 'of other images'),
        (PATHS[:-1] + PATHS[:1], 'of other images'),
    ])
    def test_another_dataset(self, paths, what):
        with pytest.raises(
                ValueError, match=f'f.npz is not of this Images: .*{what}. C'):
            superclasses().of_samples(Images(paths), 'f.npz')

    def test_a_dataset_that_does_not_tell_its_images(self):
        with pytest.raises(TypeError, match="should give 'img_path' or 'img'"):
            superclasses().of_samples(Images([0] * 6, 'number'), 'f.npz')
        with pytest.raises(TypeError, match='range does not give'):
            superclasses().of_samples(range(6), 'f.npz')


def test_fingerprint_of_paths():
    found = fingerprint_dataset(Images(['/r/b.jpg', '/r/a.jpg']))
    assert found == dict(
        num_samples=2,
        files=hashlib.sha256(b'a.jpg\0b.jpg\0').hexdigest(),
        order=hashlib.sha256(b'b.jpg\0a.jpg\0').hexdigest())


META = ('{"format_version": 1, '
        '"dataset": {"order": "", "files": "", "num_samples": 2}}')


class TestBadFile:

    def test_missing(self, path):
        with pytest.raises(
                FileNotFoundError, match='make one with tools/cluster_superc'):
            Superclasses.load(path)

    @pytest.mark.parametrize('cut', [0, 10, 200, -1, -30])
    def test_truncated(self, path, cut):
        superclasses().save(path)
        path.write_bytes(path.read_bytes()[:cut])
        with pytest.raises(ValueError, match='is not a superclass file, is d'):
            Superclasses.load(path)

    def test_damaged(self, path):
        """Any byte: an error of ours, or nothing that matters."""
        superclasses().save(path)
        sound = Superclasses.load(path)
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            path.write_bytes(content[:place] +
                             bytes([content[place] ^ 255]) +
                             content[place + 1:])
            try:
                found = Superclasses.load(path)
            except ValueError as error:
                assert 'is not a superclass file' in str(error)
            else:
                assert np.array_equal(found.labels, sound.labels)

    def test_pickle(self, path, tmp_path):

        class Harm:

            def __reduce__(self):
                return (open, (str(tmp_path / 'harm'), 'w'))

        path.write_bytes(pickle.dumps(Harm()))
        with pytest.raises(ValueError, match='holds a pickle'):
            Superclasses.load(path)
        with open(path, 'wb') as file:
            np.savez(
                file,
                labels=np.array([Harm()]),
                centroids=np.zeros((2, 2)),
                meta=np.array('{}'))
        with pytest.raises(ValueError, match='holds a pickle'):
            Superclasses.load(path)
        assert not (tmp_path / 'harm').exists()

    def test_other_arrays(self, path):
        np.save(path.with_suffix('.npy'), np.zeros(3))
        with pytest.raises(ValueError, match='not a superclass file'):
            Superclasses.load(path.with_suffix('.npy'))
        np.savez(path, x=np.zeros(3))
        with pytest.raises(ValueError, match='not a superclass file'):
            Superclasses.load(path)

    def write(self, path, meta=META, labels=(0, 1)):
        np.savez(
            path,
            labels=np.array(labels),
            centroids=np.zeros((2, 3), np.float32),
            meta=np.array(meta))

    @pytest.mark.parametrize('header', [
        '{"descr": "<i4", "fortran_order": False, "shape": (10000000000,)}',
        '{"descr": "<i4", "fortran_order": False, "shape": (1e99,)}',
        '{"descr": "|O", "fortran_order": False, "shape": (2,)}', '{a (',
    ])
    def test_header_of_an_array(self, path, header):
        """Nothing of the length that it states is allocated."""
        self.write(path)
        members = self.members(path)
        labels = members['labels.npy']
        end = labels.index(b'\n')
        members['labels.npy'] = labels[:10] + header.encode().ljust(
            end - 10) + labels[end:]
        self.pack(path, members)
        with pytest.raises(ValueError, match='is not a superclass file, is d'):
            Superclasses.load(path)

    def test_member_without_an_array(self, path):
        self.write(path)
        self.pack(path, {**self.members(path), 'centroids.npy': b''})
        with pytest.raises(ValueError, match='is not a superclass file, is d'):
            Superclasses.load(path)

    def members(self, path):
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def pack(self, path, members):
        with zipfile.ZipFile(path, 'w') as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    def test_centroids_that_are_no_numbers(self, path):
        np.savez(
            path,
            labels=np.array([0, 1]),
            centroids=np.array([['a'], ['b']]),
            meta=np.array(META))
        with pytest.raises(ValueError, match='for centroids <U1'):
            Superclasses.load(path)

    def test_newer_format(self, path):
        self.write(path, '{"format_version": 2}')
        with pytest.raises(
                ValueError, match='has format 2, but .*to 1; update mmcckd'):
            Superclasses.load(path)

    @pytest.mark.parametrize('labels', [(0, 2), (-2, 0), (0., 1.), ((0, 1), ),
                                        ()])
    def test_labels_out_of_range(self, path, labels):
        self.write(path, labels=labels)
        with pytest.raises(ValueError, match='it has labels'):
            Superclasses.load(path)

    @pytest.mark.parametrize('meta', [
        'no json', '[1]', '{}', '{"format_version": 1}', '[' * 10000,
        META.replace('"order": ""', '"order": 1'),
        META.replace('"format_version": 1', '"format_version": "1"'),
        META.replace('"format_version": 1', '"format_version": 0')
    ])
    def test_meta(self, path, meta):
        self.write(path, meta)
        with pytest.raises(ValueError, match='not a superclass file'):
            Superclasses.load(path)
