import copy
import pickle

import pytest
from mmpretrain.datasets import CustomDataset, ImageNet


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def messages(log):
    return [record.getMessage() for record in log.records]


def test_says_which_files_have_another_extension(tmp_path, log):
    write(tmp_path, 'a/0.png', 'a/1.webp', 'a/b/2.JPG', 'c/3.gif', 'c/4.jpeg',
          'c/.hidden', 'c/5.txt')
    dataset = CustomDataset(str(tmp_path))
    assert [info['gt_label'] for info in dataset] == [0, 0, 1]
    message, = messages(log)
    assert message == (
        f'CustomDataset skips 3 files in {tmp_path} with unknown extensions: '
        '1.webp, 3.gif, 5.txt. It reads .bmp, .jpeg, .jpg, '
        '.pgm, .png, .ppm, .tif, in lower or upper case; set extensions=(…) '
        'of the data set to read others.')
    log.clear()
    dataset = CustomDataset(
        str(tmp_path), extensions=('.png', '.jpg', '.jpeg', '.webp', '.gif'))
    assert len(dataset) == 5
    assert 'skips 1 files' in messages(log)[0]


def test_says_which_images_lie_beside_the_class_folders(tmp_path, log):
    write(tmp_path, 'a/0.png', 'c/1.png', '2.png', '3.png', 'readme.txt')
    assert len(CustomDataset(str(tmp_path))) == 2
    message, = messages(log)
    assert f'skips 2 images directly in {tmp_path}: 2.png, 3.png.' in message
    log.clear()
    assert len(CustomDataset(str(tmp_path), with_label=False)) == 4
    message, = messages(log)
    assert 'skips 1 files' in message


def test_reaches_subclasses(tmp_path, log):
    write(tmp_path, 'train/a/0.JPEG', 'train/a/1.webp')
    dataset = ImageNet(str(tmp_path), 'train', metainfo=dict(classes=['a']))
    assert len(dataset) == 1
    assert messages(log)[0].startswith('ImageNet skips 1 files')
    assert len(pickle.loads(pickle.dumps(copy.deepcopy(dataset)))) == 1


def test_says_it_also_where_nothing_is_left(tmp_path, log):
    write(tmp_path, 'a/0.webp')
    with pytest.raises(RuntimeError, match='Found 0 files'):
        CustomDataset(str(tmp_path))
    assert '0.webp' in messages(log)[0]


def test_is_silent_where_all_are_read(tmp_path, log):
    write(tmp_path, 'a/0.png', 'b/1.JPEG')
    assert len(CustomDataset(str(tmp_path))) == 2
    assert not messages(log)


def test_the_workaround_is_still_needed(tmp_path, log):
    """If this fails, compat/mmpretrain_folders.py can be deleted."""
    write(tmp_path, 'a/0.png', 'a/1.webp')
    dataset = CustomDataset(str(tmp_path), lazy_init=True)
    assert len(CustomDataset._find_samples.__wrapped__(dataset)) == 1
    assert not messages(log)
