"""Market-1501 and MSMT17 as one training set."""
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import Config
from mmengine.dataset import DefaultSampler
from mmengine.registry import DATASETS
from mmengine.runner import Runner

from mmcckd.datasets import CURSampler
from mmcckd.datasets.wrappers import base_configs
from mmcckd.engine.hooks.class_check_hook import num_classes
from mmcckd.reid import MSMT17, JoinedReIDDataset, Market1501
from mmcckd.superclasses import fingerprint_dataset
from mmcckd.superclasses.extraction_config import build_training_set

ROOT = Path(__file__).parent.parent.parent
RECIPE = ROOT / 'configs/baseline/mbv2_market1501-msmt17.py'


@pytest.fixture(scope='module', autouse=True)
def no_garbage_collection():
    """Data sets collect garbage when they serialize their samples, which takes
    most of the time of these tests."""
    with mock.patch('mmengine.dataset.base_dataset.gc.collect'):
        yield


def write_market(root, images):
    for folder in ('bounding_box_train', 'query', 'bounding_box_test'):
        (root / folder).mkdir(parents=True)
    for i, (person, camera) in enumerate(images):
        name = f'{person:04d}_c{camera}s1_{i:06d}_00.jpg'
        (root / 'bounding_box_train' / name).touch()
    return dict(type='Market1501', data_root=str(root))


def write_msmt(root, images):
    (root / 'test').mkdir(parents=True)
    lines = []
    for i, (person, camera) in enumerate(images):
        name = f'{person:04d}/{person:04d}_{i:03d}_{camera:02d}_0303noon_0.jpg'
        (root / 'train' / name).parent.mkdir(parents=True, exist_ok=True)
        (root / 'train' / name).touch()
        lines.append(f'{name} {person}\n')
    (root / 'list_train.txt').write_text(''.join(lines))
    return dict(type='MSMT17', data_root=str(root))


WRITERS = [write_market, write_msmt]
images_of_a_set = st.lists(
    st.tuples(st.integers(1, 20), st.integers(1, 6)), min_size=1, max_size=12)


@given(order=st.permutations([0, 1]), images=st.tuples(
    images_of_a_set, images_of_a_set))
@settings(deadline=None, max_examples=30)
def test_persons_and_cameras_are_distinct(order, images):
    """Two images have the same label or camera only if they have it in one of
    the data sets, and labels are 0 to the number of classes - 1."""
    with tempfile.TemporaryDirectory() as folder:
        configs = [
            WRITERS[i](Path(folder) / str(i), images[i]) for i in order
        ]
        joined = DATASETS.build(
            dict(type='JoinedReIDDataset', datasets=configs))
        separate = [DATASETS.build(config) for config in configs]
    owners = [(i, dataset.get_data_info(j))
              for i, dataset in enumerate(separate)
              for j in range(len(dataset))]
    infos = [joined.get_data_info(i) for i in range(len(joined))]
    assert len(owners) == len(infos)
    for key in ('gt_label', 'camera_id'):
        pairs = {((i, own[key]), info[key])
                 for (i, own), info in zip(owners, infos)}
        assert len({own for own, _ in pairs}) == len(
            {value for _, value in pairs}) == len(pairs)
    classes = joined.metainfo['classes']
    assert {info['gt_label'] for info in infos} == set(range(len(classes)))
    for (i, own), info in zip(owners, infos):
        person = separate[i].metainfo['classes'][own['gt_label']]
        assert info['img_path'] == own['img_path']
        assert classes[info['gt_label']] == (
            f'{type(separate[i]).__name__} {person}')


@pytest.fixture
def cfg(toy_market1501, toy_msmt17, tmp_path):
    """The recipe on toy data, for three iterations."""
    cfg = Config.fromfile(RECIPE)
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.model.backbone.init_cfg = None
    cfg.train_cfg = dict(by_epoch=False, max_iters=3, val_interval=3)
    cfg.train_dataloader.batch_size = 16
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].num_workers = 0
        cfg[name].persistent_workers = False
        for part in base_configs(cfg[name].dataset):
            part.data_root = {
                'Market1501': toy_market1501,
                'MSMT17': toy_msmt17
            }[part.type]
            for transform in part.pipeline:
                if transform.type == 'Resize':
                    transform.scale = (32, 64)
                elif transform.type == 'RandomCrop':
                    transform.crop_size = (64, 32)
    return cfg


def test_trains_by_cur_and_tests_on_each_data_set(cfg, toy_market1501):
    head = cfg.model.head
    assert head.num_classes == 751 + 1041
    head.num_classes = 60 + 60
    runner = Runner.from_cfg(cfg)
    runner.register_hook(dict(type='ClassCheckHook'))
    batches = []
    step = runner.model.train_step

    def train_step(data, optim_wrapper):
        batches.append([s.gt_label.item() for s in data['data_samples']])
        return step(data, optim_wrapper)

    runner.model.train_step = train_step
    runner.train()
    dataset = runner.train_dataloader.dataset
    assert isinstance(dataset, JoinedReIDDataset)
    assert len(dataset.metainfo['classes']) == num_classes(runner) == 120
    assert len(batches) == 3
    for labels in batches:
        assert set(Counter(labels).values()) == {4}
    assert {label < 60 for labels in batches for label in labels} == {0, 1}
    assert isinstance(runner.val_dataloader.dataset, MSMT17)
    assert 0 < runner.test()['reid/mAP'] <= 1

    # As docs/reid.md says.
    cfg.merge_from_dict({
        'test_dataloader.dataset.type': 'Market1501',
        'test_dataloader.dataset.data_root': toy_market1501
    })
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper',
                 'val_dataloader', 'val_cfg', 'val_evaluator',
                 'param_scheduler'):
        cfg[name] = None
    cfg.experiment_name += '_market'
    runner = Runner.from_cfg(cfg)
    assert 0 < runner.test()['reid/mAP'] <= 1
    assert isinstance(runner.test_dataloader.dataset, Market1501)


def test_clustering_takes_the_test_pipeline(cfg):
    dataset = build_training_set(cfg)
    assert [type(part.pipeline.transforms[-1]).__name__
            for part in dataset.datasets] == ['PackInputs'] * 2
    assert len({str(part.pipeline) for part in dataset.datasets}) == 1
    assert 'RandomFlip' not in str(dataset.datasets[0].pipeline)
    assert fingerprint_dataset(dataset)['num_samples'] == len(dataset)


@pytest.mark.parametrize('number', [60, 119])
def test_a_head_for_fewer_persons(number, cfg):
    cfg.model.head.num_classes = number
    runner = Runner.from_cfg(cfg)
    runner.register_hook(dict(type='ClassCheckHook'))
    with pytest.raises(ValueError, match=(
            f'samples of train_dataloader have 120 classes, but the head has '
            f'num_classes={number}. Set model.head.num_classes')):
        runner.train()
    assert runner.iter == 0


def test_sampler(toy_market1501, toy_msmt17):
    dataset = JoinedReIDDataset([
        dict(type='MSMT17', data_root=toy_msmt17),
        dict(type='Market1501', data_root=toy_market1501),
    ])
    sampler = CURSampler(DefaultSampler(dataset, seed=0), 480, 4)
    labels = dataset.datasets[0].get_gt_labels().tolist()
    labels += dataset.datasets[1].get_gt_labels().tolist()
    drawn = Counter(labels[i] for i in next(iter(sampler)))
    assert drawn == dict.fromkeys(range(120), 4)


class TestBadInput:

    def fails(self, error, match, *datasets):
        with pytest.raises(error, match=match):
            DATASETS.build(
                dict(type='JoinedReIDDataset', datasets=list(datasets)))

    def test_missing_data(self, toy_market1501):
        self.fails(
            FileNotFoundError,
            r"MSMT17 cannot be read from data_root='none'(.|\n)*datasets\[1\] "
            r'.* train_dataloader\.dataset\.datasets\.1\.data_root=FOLDER',
            dict(type='Market1501', data_root=toy_market1501),
            dict(type='MSMT17', data_root='none'))

    def test_the_same_data_twice(self, toy_market1501, tmp_path):
        market = dict(type='Market1501', data_root=toy_market1501)
        copy = tmp_path / 'copy'
        copy.symlink_to(toy_market1501)
        for other in (market, dict(market, data_root=str(copy))):
            self.fails(
                ValueError,
                r'datasets\[0\] and datasets\[1\] .* are both Market1501 and '
                'have [0-9,]+ images of the same names .*two labels', market,
                other)

    def test_two_data_sets_in_one_layout(self, tmp_path):
        one = write_market(tmp_path / 'a', [(1, 1), (2, 3)])
        other = write_market(tmp_path / 'b', [(2, 3), (1, 1)])
        joined = JoinedReIDDataset([one, other])
        labels = [joined.get_data_info(i)['gt_label'] for i in range(4)]
        assert labels == [0, 1, 2, 3]

    def test_a_test_split(self, toy_market1501):
        self.fails(
            ValueError, r"datasets\[0\] .* has split='test', but only train",
            dict(type='Market1501', data_root=toy_market1501, split='test'))

    def test_other_data(self):
        self.fails(TypeError, r'datasets\[0\] .* is a Digits, but must be a R',
                   dict(type='Digits'))
        self.fails(TypeError, 'must be the config of a data set.* is a str',
                   'Market1501')

    def test_nothing(self):
        self.fails(ValueError, 'at least one data set, but datasets is empty')
