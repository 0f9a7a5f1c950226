import re

import pytest
from mmengine.config import ConfigDict
from mmpretrain.datasets import ImageNet

from mmcckd.datasets.imagenet_layout import check_imagenet_layout


def make_folders(folder, n, images=()):
    folder.mkdir(parents=True)
    for i in range(n):
        (folder / f'n{i:08d}').mkdir()
        for name in images:
            (folder / f'n{i:08d}' / name).touch()


def config(root, **kwargs):
    return ConfigDict(
        dict(dict(type='ImageNet', data_root=str(root), split='train'),
             **kwargs))


def fails(cfg, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_imagenet_layout(cfg)
    return str(caught.value)


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory):
    root = tmp_path_factory.mktemp('imagenet')
    make_folders(root / 'train', 1000, ['0.JPEG'])
    return root


def test_class_folders(imagenet):
    for changes in (dict(), dict(type='mmpretrain.ImageNet'),
                    dict(split='', data_prefix='train'),
                    dict(data_root='', data_prefix=str(imagenet / 'train'))):
        check_imagenet_layout(config(imagenet, **changes))
    changes = dict(split='', data_prefix=dict(img_path='train'))
    check_imagenet_layout(config(imagenet, **changes))
    dataset = ImageNet(str(imagenet), **changes)  # MMPretrain agrees
    assert len(dataset) == 1000


def test_annotation_file(tmp_path):
    (tmp_path / 'val').mkdir()
    (tmp_path / 'val/a b.JPEG').touch()
    (tmp_path / 'meta').mkdir()
    (tmp_path / 'meta/val.txt').write_text('a b.JPEG 7\nb.JPEG 0\n')
    check_imagenet_layout(config(tmp_path, split='val'))
    check_imagenet_layout(
        config(tmp_path, split='', data_prefix='val', ann_file='meta/val.txt'))
    (tmp_path / 'val/a b.JPEG').unlink()
    fails(config(tmp_path, split='val'),
          'meta/val.txt begins with a b.JPEG, which .*val does not have')
    fails(config(tmp_path, split='val', ann_file='meta/v.txt'),
          'there is no annotation file .*meta/v.txt')
    for text in ('', 'a.JPEG\n', 'a.JPEG cat\n', 'a.JPEG,0\n'):
        (tmp_path / 'meta/val.txt').write_text(text)
        fails(config(tmp_path, split='val'),
              f'the first line of .*val.txt is {text.strip()!r}')


def test_says_what_is_expected_and_what_to_do(tmp_path):
    root = tmp_path / 'none'
    message = fails(config(root, split='val'), 'there is no such folder')
    for line in (f'  {root}/', '    val/', '      n01440764/',
                 '      … (1,000 folders, one for each class)',
                 '      val.txt (lines like "n01440764_10026.JPEG 0")',
                 '  python tools/make_toy_dataset.py imagenet FOLDER'):
        assert line in message.splitlines()
    assert '--cfg-options train_dataloader.dataset.data_root=' in message


def test_missing_folder(tmp_path):
    fails(config(tmp_path), 'no folder .*/train, but .* has nothing')
    fails(config('~/none'), '"~" is not expanded')
    (tmp_path / 'trian').mkdir()
    fails(config(tmp_path), 'no folder .*/train, but .* has trian')


def test_the_folders_of_kaggles_archive(tmp_path):
    inner = tmp_path / 'ILSVRC/Data/CLS-LOC'
    make_folders(inner / 'train', 1000)
    fails(config(tmp_path), f'has ILSVRC; give data_root={inner}')
    check_imagenet_layout(config(inner))
    (inner / 'val').mkdir()
    for i in range(6):
        (inner / f'val/{i}.JPEG').touch()
    fails(config(inner, split='val'),
          'val has no folders, but 0.JPEG, 1.JPEG, 2.JPEG, 3.JPEG, …, and '
          'there is no .*meta/val.txt')


def test_wrong_number_of_classes(tmp_path):
    make_folders(tmp_path / 'train', 999)
    fails(config(tmp_path), r'train has 999 folders \(n00000000, .*, …\), and '
          'there is no .*/meta/train.txt')
    fails(config(tmp_path, split='', data_prefix='train'),
          r'train has 999 folders \(n00000000, .*, …\)\.')
    (tmp_path / 'train/n99999999').mkdir()
    check_imagenet_layout(config(tmp_path))
    (tmp_path / 'train/__MACOSX').mkdir()
    fails(config(tmp_path), '1,001 folders .*among them __MACOSX')
    make_folders(tmp_path / 'twice/train/train', 3)
    fails(config(tmp_path / 'twice'), r'train has 1 folders \(train\)')


def test_other_classes_are_left_to_mmpretrain(tmp_path):
    make_folders(tmp_path / 'train', 3, ['0.JPEG'])
    for changes in (dict(metainfo=dict(classes=['a', 'b', 'c'])),
                    dict(classes=['a', 'b', 'c']), dict(with_label=False)):
        check_imagenet_layout(config(tmp_path, **changes))
        ImageNet(str(tmp_path), 'train', **changes)  # MMPretrain agrees
        fails(config(tmp_path / 'none', **changes), 'no such folder')
    (tmp_path / 'test').mkdir()
    check_imagenet_layout(config(tmp_path, split='test'))


def test_wrappers(tmp_path):
    bad = config(tmp_path / 'none')
    for wrapper in (
            dict(type='RepeatDataset', times=2, dataset=bad),
            dict(type='ConcatDataset', datasets=[dict(type='Digits'), bad]),
            dict(type='RepeatDataset', dataset=dict(
                type='ClassBalancedDataset', dataset=bad))):
        fails(ConfigDict(wrapper), re.escape(repr(str(tmp_path / 'none'))))


def test_other_data_is_not_looked_at():
    for dataset in (dict(type='Digits'),
                    dict(type='LocalCIFAR100', data_root='none'),
                    dict(type='ImageNet', data_root='s3://bucket/imagenet')):
        check_imagenet_layout(dataset)
