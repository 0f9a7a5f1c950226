"""tools/make_toy_dataset.py as its users run it."""
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from mmpretrain.datasets import ImageNet

from mmcckd.datasets import LocalCIFAR100, LocalFashionMNIST
from mmcckd.reid import MSMT17, Market1501

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / 'tools/make_toy_dataset.py'


def make(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name='__main__')


def data_roots(printed):
    """What the printed --cfg-options set."""
    options = printed.split('--cfg-options')[1].replace('\\\n', ' ').split()
    return dict(option.split('=') for option in options)


@pytest.fixture(autouse=True)
def without_spaces(monkeypatch, tmp_path):
    """Relative paths, for that of the tests may have a space."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize('name, dataset, held_out', [
    ('imagenet', ImageNet, 'val'),
    ('cifar100', LocalCIFAR100, 'test'),
    ('fashion_mnist', LocalFashionMNIST, 'val'),
    ('fashion_mnist', LocalFashionMNIST, 'test'),
])
def test_says_how_to_use_what_it_made(name, dataset, held_out, monkeypatch,
                                      capsys):
    make(monkeypatch, name, name, '--samples-per-class', 1)
    printed = capsys.readouterr().out
    roots = data_roots(printed)
    assert set(roots) == {
        f'{loader}_dataloader.dataset.data_root'
        for loader in ('train', 'val', 'test')
    }
    root, = set(roots.values())
    for split in ('train', held_out):
        size = len(dataset(data_root=root, split=split))
        assert f'{size:,} images in {split}' in printed


@pytest.mark.parametrize('name, dataset, train, test', [
    ('msmt17', MSMT17, ['train'], ['query', 'gallery']),
    ('market1501', Market1501, ['bounding_box_train'],
     ['query', 'bounding_box_test']),
])
def test_persons(name, dataset, train, test, monkeypatch, capsys):
    make(monkeypatch, name, name, '--samples-per-class', 2)
    printed = capsys.readouterr().out
    root, = set(data_roots(printed).values())
    for split, parts in dict(train=train, test=test).items():
        sizes = [
            int(re.search(f'([0-9,]+) images in {part}\\b', printed)[1])
            for part in parts
        ]
        assert sum(sizes) == len(dataset(root, split))


@pytest.mark.parametrize('name, images, annotations', [
    ('coco', '{split}2017/*.jpg', 'annotations/instances_{split}2017.json'),
    ('cityscapes', 'leftImg8bit/{split}/*/*_leftImg8bit.png',
     'gtFine/{split}/*/*_gtFine_labelTrainIds.png'),
])
def test_detection_and_segmentation(name, images, annotations, monkeypatch,
                                    capsys):
    make(monkeypatch, name, name, '--num-images', 3)
    roots = data_roots(capsys.readouterr().out)
    root = Path(roots['train_dataloader.dataset.data_root'])
    for split, size in dict(train=3, val=2).items():
        assert len(list(root.glob(images.format(split=split)))) == size
        assert list(root.glob(annotations.format(split=split)))
    if name == 'coco':
        for split in ('val', 'test'):
            assert Path(roots[f'{split}_evaluator.ann_file']).exists()


def test_a_path_with_a_space(monkeypatch, capsys):
    make(monkeypatch, 'cifar100', 'a toy', '--samples-per-class', 1)
    printed = capsys.readouterr().out
    assert '--cfg-options' not in printed
    scope = {}
    exec('\n'.join(map(str.strip, printed.splitlines()[2:])), scope)
    for name in ('train', 'val', 'test'):
        root = scope[f'{name}_dataloader']['dataset']['data_root']
        assert len(LocalCIFAR100(root)) == 100


def test_a_folder_with_something_in_it(tmp_path):
    (tmp_path / 'mine').touch()
    made = subprocess.run(
        [sys.executable, str(TOOL), 'cifar100', str(tmp_path)],
        capture_output=True,
        text=True)
    assert made.returncode != 0
    assert 'is not empty; give a new folder' in made.stderr
    assert [path.name for path in tmp_path.iterdir()] == ['mine']


def test_the_seed_is_passed_on(monkeypatch, tmp_path):
    files = []
    for seed in (1, 2):
        out = tmp_path / str(seed)
        make(monkeypatch, 'cifar100', out, '--samples-per-class', 1, '--seed',
             seed)
        files.append((out / 'cifar-100-python/train').read_bytes())
    assert files[0] != files[1]


def test_unknown_dataset(monkeypatch, capsys, tmp_path):
    with pytest.raises(SystemExit):
        make(monkeypatch, 'imagenette', tmp_path / 'out')
    assert 'imagenet' in capsys.readouterr().err.split('choose from')[1]
    assert not (tmp_path / 'out').exists()
