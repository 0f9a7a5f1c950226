"""Properties of the CUR and SUR samplers for random groups and ranks."""
import json
import tempfile
import tracemalloc
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import Runner
from mmrazor.datasets import CRDDataset

from mmcckd.datasets import CURSampler, Digits, SURSampler
from mmcckd.superclasses import Superclasses, fingerprint_dataset


class Labeled:
    """A dataset that has only labels."""

    def __init__(self, labels):
        self.labels = np.asarray(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        return idx

    def get_gt_labels(self):
        return self.labels

    def get_data_info(self, idx):
        return dict(img_path=f'{idx}.jpg')


def cur_samplers(labels, batch_size, k, world_size=1, seed=0, epoch=0):
    """One sampler a rank."""
    dataset = Labeled(labels)
    return [
        CURSampler(
            SimpleNamespace(
                dataset=dataset,
                seed=seed,
                epoch=epoch,
                rank=rank,
                world_size=world_size), batch_size, k)
        for rank in range(world_size)
    ]


def sur_samplers(labels, batch_size, k, world_size=1, seed=0, epoch=0):
    """One sampler a rank, with the labels as superclasses in a file."""
    dataset = Labeled(labels)
    _, superclasses = np.unique(labels, return_inverse=True)
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/superclasses.npz'
        Superclasses(superclasses, np.zeros(
            (superclasses.max() + 1, 2)), dict(
                dataset=fingerprint_dataset(dataset))).save(path)
        return [
            SURSampler(
                SimpleNamespace(
                    dataset=dataset,
                    seed=seed,
                    epoch=epoch,
                    rank=rank,
                    world_size=world_size), batch_size, path, k)
            for rank in range(world_size)
        ]


of_both = pytest.mark.parametrize(
    'samplers', [cur_samplers, sur_samplers], ids=['CUR', 'SUR'])


@st.composite
def settings_of_a_run(draw):
    """Label sets from balanced to 100 : 1, that have classes for a batch."""
    sizes = draw(
        st.lists(st.integers(1, 100), min_size=1, max_size=12) | st.builds(
            lambda size, n: [size] * n, st.integers(1, 40), st.integers(1, 12))
    )
    k = draw(st.integers(1, 6))
    classes_per_batch = draw(st.integers(1, len(sizes)))
    seed = draw(st.integers(0, 2**31))
    labels = np.repeat(draw(st.permutations(range(len(sizes)))), sizes)
    np.random.default_rng(seed).shuffle(labels)
    return dict(
        labels=labels * 7 - 3,  # neither contiguous nor non-negative
        batch_size=classes_per_batch * k,
        k=k,
        world_size=draw(st.integers(1, 5)),
        seed=seed,
        epoch=draw(st.integers(0, 300)))


def epoch_of(run, samplers):
    """All batches, (steps, world_size, classes of a batch, k)."""
    ranks = [list(sampler) for sampler in samplers(**run)]
    batches = np.array(ranks).swapaxes(0, 1)
    steps, world_size, _ = batches.shape
    return batches.reshape(steps, world_size, -1, run['k'])


@of_both
@given(run=settings_of_a_run())
@settings(deadline=None)
def test_a_batch_has_k_samples_of_each_of_its_classes(samplers, run):
    labels, k = run['labels'], run['k']
    sizes = Counter(labels.tolist())
    for step in epoch_of(run, samplers):
        for batch in step:
            classes = labels[batch]
            assert (classes == classes[:, :1]).all()
            assert len(set(classes[:, 0])) == run['batch_size'] // k
            for members, name in zip(batch, classes[:, 0]):
                distinct = min(k, sizes[name])
                assert len(set(members)) == distinct
                assert max(Counter(members).values()) == -(-k // distinct)


@of_both
@given(run=settings_of_a_run())
@settings(deadline=None)
def test_a_global_batch_has_distinct_classes_while_there_are_enough(
        samplers, run):
    per_step = run['world_size'] * run['batch_size'] // run['k']
    assume(len(set(run['labels'])) >= per_step)
    for step in epoch_of(run, samplers):
        assert len(set(run['labels'][step[..., 0]].ravel())) == per_step


@of_both
@given(run=settings_of_a_run())
@settings(deadline=None)
def test_every_class_is_visited_equally_often(samplers, run):
    batches = epoch_of(run, samplers)
    labels, k = run['labels'], run['k']
    num_classes = len(set(labels))
    visits = Counter(labels[batches[..., 0]].ravel())
    rounds = -(-len(labels) // (num_classes * k))
    assert len(visits) == num_classes
    # The last step may take from as many further rounds as it needs.
    per_step = run['world_size'] * run['batch_size'] // k
    assert min(visits.values()) >= rounds
    assert max(visits.values()) - min(visits.values()) <= 1
    surplus = sum(visits.values()) - rounds * num_classes
    assert 0 <= surplus < per_step


@of_both
@given(run=settings_of_a_run())
@settings(deadline=None)
def test_within_a_class_all_are_seen_before_any_is_seen_again(samplers, run):
    batches = epoch_of(run, samplers)
    labels, k = run['labels'], run['k']
    groups = batches.reshape(-1, k)
    for name in set(labels):
        members = np.flatnonzero(labels == name)
        visits = groups[labels[groups[:, 0]] == name]
        per_cycle = -(-len(members) // k)
        for begin in range(0, len(visits), per_cycle):
            seen = Counter(visits[begin:begin + per_cycle].ravel().tolist())
            if len(visits) - begin >= per_cycle:
                assert set(seen) == set(members)
            if len(members) >= k:  # only the filling up repeats
                assert max(seen.values()) <= 2
                twice = sum(count == 2 for count in seen.values())
                assert twice <= -len(members) % k


@of_both
@given(
    size=st.integers(1, 60),
    num_classes=st.integers(1, 10),
    k=st.integers(1, 5),
    seed=st.integers(0, 100))
@settings(deadline=None)
def test_an_epoch_of_a_balanced_dataset_covers_it(samplers, size, num_classes,
                                                  k, seed):
    labels = np.repeat(np.arange(num_classes), size)
    sampler, = samplers(labels, num_classes * k, k, seed=seed)
    assert len(set(np.concatenate(list(sampler)))) == len(labels)


@of_both
@given(run=settings_of_a_run())
@settings(deadline=None)
def test_the_plan_follows_from_seed_and_epoch_alone(samplers, run):
    np.random.seed(1)
    torch.manual_seed(1)
    state = np.random.get_state()[1].copy(), torch.get_rng_state()
    first = epoch_of(run, samplers)
    assert np.array_equal(state[0], np.random.get_state()[1])
    assert torch.equal(state[1], torch.get_rng_state())
    np.random.seed(2)
    torch.manual_seed(2)
    assert np.array_equal(first, epoch_of(run, samplers))


def test_epochs_and_seeds_differ():
    labels = np.repeat(np.arange(10), 20)
    plans = [
        list(cur_samplers(labels, 20, 4, seed=seed, epoch=epoch)[0])
        for seed in (0, 1) for epoch in (0, 1)
    ]
    for i, plan in enumerate(plans):
        assert all(plan != other for other in plans[:i])


def test_classes_of_any_size_are_equally_likely_in_any_place():
    """Over many epochs, in the first batch too."""
    labels = np.repeat(np.arange(5), [1, 5, 10, 50, 100])
    first = Counter()
    for epoch in range(600):
        sampler, = cur_samplers(labels, 8, 4, epoch=epoch)
        first.update(labels[next(iter(sampler))])
    counts = np.array([first[c] for c in range(5)]) / 4
    # 600 draws of 2 of 5 classes: 240 each, standard deviation 12
    assert np.abs(counts - 240).max() < 5 * 12


def test_samples_of_a_class_are_equally_likely():
    labels = np.repeat(np.arange(4), 10)
    seen = Counter()
    for epoch in range(500):
        sampler, = cur_samplers(labels, 8, 4, epoch=epoch)
        seen.update(i for batch in sampler for i in batch)
    counts = np.array([seen[i] for i in range(40)])
    # an epoch of 3 visits shows all 10 samples once and 2 of them twice
    assert counts.sum() == 500 * 48
    assert np.abs(counts - 600).max() < 5 * np.sqrt(500 * 0.2 * 0.8)


def test_in_a_runner():
    """The runner fills in sampler and batch size; the hook sets the epoch."""
    loader = Runner.build_dataloader(
        dict(
            batch_size=8,
            num_workers=0,
            dataset=dict(type='Digits', samples_per_class=4),
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_sampler=dict(type='CURSampler', samples_per_class=2)),
        seed=3)
    sampler = loader.batch_sampler
    assert isinstance(sampler, CURSampler)
    assert (sampler.sampler.seed, sampler.batch_size, len(loader)) == (3, 8, 5)
    first = list(sampler)
    loader.batch_sampler.sampler.set_epoch(1)
    assert list(sampler) != first
    labels = loader.dataset.get_gt_labels()
    for batch in sampler:
        assert sorted(Counter(labels[batch]).values()) == [2, 2, 2, 2]


def test_labels_from_get_cat_ids():

    class Categorised:

        def __len__(self):
            return 6

        def get_cat_ids(self, idx):
            return [idx // 3]

    batch_sampler = dict(type='CURSampler', samples_per_class=2)
    sampler = DATA_SAMPLERS.build(
        batch_sampler,
        default_args=dict(
            sampler=DefaultSampler(Categorised(), seed=0), batch_size=4))
    for batch in sampler:
        assert sorted(i // 3 for i in batch) == [0, 0, 1, 1]


def test_labels_of_a_crd_dataset():
    """MMRazor's wrapper does not hand them on."""
    inner = Digits(samples_per_class=4)
    dataset = CRDDataset(inner, neg_num=8, percent=1.0)
    assert (list(CURSampler(DefaultSampler(dataset, seed=0), 8, 2)) ==
            list(CURSampler(DefaultSampler(inner, seed=0), 8, 2)))


def test_cur_and_sur_differ_in_the_groups_alone():
    labels = np.random.default_rng(0).integers(10, size=300)
    cur, = cur_samplers(labels, 20, 4, seed=5, epoch=2)
    sur, = sur_samplers(labels, 20, 4, seed=5, epoch=2)
    assert list(cur) == list(sur)


def test_sur_never_draws_what_has_no_superclass(tmp_path, log):
    path = str(tmp_path / 'superclasses.npz')
    dataset = Labeled(np.zeros(40))
    superclasses = np.arange(40) % 4
    superclasses[[3, 5, 7]] = -1
    Superclasses(superclasses, np.zeros((4, 2)),
                 dict(dataset=fingerprint_dataset(dataset))).save(path)
    sampler = SURSampler(DefaultSampler(dataset, seed=0), 8, path, 2)
    drawn = set(np.concatenate(list(sampler)))
    assert drawn == set(range(40)) - {3, 5, 7}
    message, = [record.getMessage() for record in log.records]
    assert message == (
        'SURSampler omits 3 of 40 samples: their images could not be read '
        f'when {path} was made.')


def test_sur_in_a_runner(tmp_path):
    path = str(tmp_path / 'superclasses.npz')
    digits = Digits(samples_per_class=4)
    Superclasses(np.arange(40) % 5, np.zeros((5, 2)),
                 dict(dataset=fingerprint_dataset(digits))).save(path)
    loader = Runner.build_dataloader(
        dict(
            batch_size=8,
            num_workers=0,
            dataset=dict(type='Digits', samples_per_class=4),
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_sampler=dict(
                type='SURSampler',
                superclasses=path,
                samples_per_superclass=2)))
    assert isinstance(loader.batch_sampler, SURSampler)
    for batch in loader.batch_sampler:
        assert sorted(Counter(i % 5 for i in batch).values()) == [2, 2, 2, 2]


def test_at_the_size_of_imagenet():
    """1,281,167 samples, 1,000 classes; its time is in tools/benchmarks."""
    labels = np.random.default_rng(0).integers(1000, size=1_281_167)
    sampler, = cur_samplers(labels, 256, 4)
    tracemalloc.start()
    batches = iter(sampler)
    next(batches)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150 * 2**20
    assert len(sampler) == -(-321 * 1000 // 64)


class TestBadInput:

    def test_batch_size_no_multiple_of_k(self):
        with pytest.raises(
                ValueError,
                match='multiple of samples_per_class, but is 10 with '
                'samples_per_class=4; use batch_size=8 or 12'):
            cur_samplers(np.arange(100) % 10, 10, 4)
        with pytest.raises(ValueError, match='use batch_size=4'):
            cur_samplers(np.arange(100) % 10, 3, 4)

    def test_fewer_classes_than_a_batch_needs(self):
        with pytest.raises(
                ValueError,
                match='batch of 32 with samples_per_class=4 needs 8 classes, '
                'but the dataset has 5; lower batch_size to at most 20'):
            cur_samplers(np.arange(100) % 5, 32, 4)

    @pytest.mark.parametrize('k', [0, -1])
    def test_k_below_1(self, k):
        with pytest.raises(ValueError, match='samples_per_class must be at l'):
            cur_samplers([0, 1], 2, k)

    def test_k_no_int(self):
        with pytest.raises(TypeError, match='samples_per_class must be an in'):
            cur_samplers([0, 1], 2, 2.)

    def test_dataset_without_labels(self):
        sampler = DefaultSampler(range(8), seed=0)
        with pytest.raises(TypeError, match='range has neither get_gt_labels'):
            CURSampler(sampler, 4, 2)

    def test_mmpretrain_dataset_without_labels(self, tmp_path):
        from mmpretrain.datasets import CustomDataset
        for i in range(4):
            (tmp_path / f'{i}.jpg').touch()
        dataset = CustomDataset(data_root=str(tmp_path), with_label=False)
        sampler = DefaultSampler(dataset, seed=0)
        with pytest.raises(TypeError, match="CustomDataset have no 'gt"):
            CURSampler(sampler, 4, 2)

    def test_several_labels_a_sample(self):
        dataset = Labeled([0, 1])
        dataset.get_gt_labels = lambda: [[0], [0, 1]]
        sampler = DefaultSampler(dataset, seed=0)
        with pytest.raises(ValueError, match='one label per sample.*1 of'):
            CURSampler(sampler, 2, 2)

    def test_several_labels_in_a_dataset_of_mmpretrain(self, tmp_path):
        from mmpretrain.datasets import MultiLabelDataset
        annotations = dict(
            metainfo=dict(classes=['a', 'b']),
            data_list=[
                dict(img_path='0.jpg', gt_label=[0]),
                dict(img_path='1.jpg', gt_label=[0, 1])
            ])
        path = tmp_path / 'annotations.json'
        path.write_text(json.dumps(annotations))
        sampler = DefaultSampler(MultiLabelDataset(ann_file=str(path)), seed=0)
        with pytest.raises(ValueError, match='one label per sample, but the'):
            CURSampler(sampler, 2, 2)

    def test_labels_of_another_length(self):
        dataset = Labeled([0, 1, 0])
        dataset.get_gt_labels = lambda: [0, 1]
        sampler = DefaultSampler(dataset, seed=0)
        with pytest.raises(ValueError, match='3 samples, but 2 of them have'):
            CURSampler(sampler, 2, 2)

    def test_sampler_without_epochs(self):
        sampler = InfiniteSampler(Digits(), seed=0)
        with pytest.raises(
                TypeError, match='InfiniteSampler. has no epoch.*DefaultSam'):
            CURSampler(sampler, 4, 2)

    def test_superclasses_of_another_dataset(self, tmp_path):
        path = str(tmp_path / 'superclasses.npz')
        Superclasses(np.arange(40) % 5, np.zeros((5, 2)),
                     dict(dataset=fingerprint_dataset(
                         Digits(samples_per_class=4)))).save(path)
        for dataset, what in ((Digits(samples_per_class=3),
                               'file has 40 samples, the dataset 30'),
                              (Digits('val', samples_per_class=4),
                               'but of other images')):
            with pytest.raises(ValueError, match=f'{path} is not of.*{what}'):
                SURSampler(DefaultSampler(dataset, seed=0), 4, path, 2)

    def test_sur_speaks_of_superclasses(self):
        with pytest.raises(
                ValueError, match='samples_per_superclass=4 needs 8 supercl'):
            sur_samplers(np.arange(100) % 5, 32, 4)
        with pytest.raises(ValueError, match='samples_per_superclass must be'):
            sur_samplers([0, 1], 2, 0)

    def test_no_superclass_file(self):
        with pytest.raises(FileNotFoundError, match='No superclass file at'):
            SURSampler(DefaultSampler(Digits(), seed=0), 4, 'none.npz', 2)
