import inspect
import random
from ast import literal_eval
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset, DefaultSampler, pseudo_collate
from mmengine.registry import HOOKS, TRANSFORMS
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, RandomSampler

from mmcckd.engine import RepeatableViewsHook, build_runner
from tests.processes import run_ranks

RECIPES = Path(__file__).parent.parent.parent / 'configs'
EPOCHS = dict(by_epoch=True, max_epochs=3)
ITERATIONS = dict(by_epoch=False, max_iters=15)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """MMEngine's, after each pass of a loop that counts iterations."""
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)


@TRANSFORMS.register_module(force=True)
class DrawOfEach:
    """A transform that draws from each generator."""

    def __call__(self, data):
        drawn = [random.random(), np.random.rand(), torch.rand(()).item()]
        return dict(inputs=torch.tensor(drawn), data_samples=DataSample())


class Ten(BaseDataset):

    def __init__(self, pipeline):
        super().__init__(pipeline=pipeline, serialize_data=False)

    def load_data_list(self):
        return [dict(i=i) for i in range(10)]


class Seen(nn.Module):
    """A model that keeps what it is shown, and draws as dropout does."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen = []
        self.drawn = []

    def train_step(self, data, optim_wrapper):
        for image, sample in zip(data['inputs'], data['data_samples']):
            self.seen.append((sample.dataset_index, sample.view,
                              *image.tolist()))
        self.drawn.append(torch.rand(()).item())
        return {}


def train(folder, loop=EPOCHS, views=2, resume=None, hooks=(), save=-1,
          **loader):
    """Train and return the model."""
    loader = {
        'batch_size': 2,
        'num_workers': 0,
        'sampler': dict(type='DefaultSampler', shuffle=True),
        'dataset': Ten(pipeline=[dict(type='DrawOfEach')]),
        **loader
    }
    model = Seen()
    runner = Runner(
        model,
        str(folder),
        train_dataloader=dict(
            collate_fn=dict(type='pseudo_collate'), **loader),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.)),
        train_cfg=loop,
        custom_hooks=[dict(type='RepeatableViewsHook', views=views), *hooks],
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook', interval=save, save_last=False,
                by_epoch=loop is EPOCHS)),
        randomness=dict(seed=0),
        load_from=resume,
        resume=resume is not None,
        experiment_name=f'{folder.name}_{random.random()}',
        log_level='ERROR')
    runner.train()
    # Ends the workers; the garbage collector takes 5 s for each of them.
    runner.train_dataloader._iterator = None
    runner.train_loop.dataloader_iterator = None
    return model


@pytest.fixture(scope='module')
def expected(tmp_path_factory):
    """By index and view, what is shown in an undisturbed run."""
    seen = train(tmp_path_factory.mktemp('expected')).seen
    # Three epochs of ten samples; the third shows the views of the first.
    assert [view for _, view, *_ in seen] == 10 * [0] + 10 * [1] + 10 * [0]
    assert set(seen[:10]) == set(seen[20:])
    assert seen[:10] != seen[20:]  # in another order
    assert len(set(seen)) == 20
    numbers = [x for sample in set(seen) for x in sample[2:]]
    assert len(set(numbers)) == 60
    return seen


WORKERS = [
    dict(),
    dict(num_workers=2),
    dict(num_workers=2, persistent_workers=True),
]


@pytest.mark.parametrize('loader', WORKERS)
@pytest.mark.parametrize('loop', [EPOCHS, ITERATIONS])
def test_workers_and_loops(loop, loader, expected, tmp_path):
    assert train(tmp_path, loop, **loader).seen == expected


# By epochs or not: the interval, the checkpoint, and the samples before it.
SAVED = {True: (2, 'epoch_2.pth', 20), False: (8, 'iter_8.pth', 16)}


@pytest.mark.parametrize('loop', [EPOCHS, ITERATIONS])
def test_a_resumed_run(loop, expected, tmp_path):
    hooks = [dict(type='EpochSeedHook')]
    save, name, first = SAVED[loop['by_epoch']]
    assert train(tmp_path, loop, hooks=hooks, save=save).seen == expected
    resume = str(tmp_path / name)
    for workers in (0, 1):
        seen = train(
            tmp_path, loop, resume=resume, hooks=hooks,
            num_workers=workers).seen
        assert seen == expected[first:]


def test_other_batches(expected, tmp_path):
    for batch_size in (3, 5):
        seen = train(tmp_path, batch_size=batch_size).seen
        assert set(seen) == set(expected)


def test_with_as_many_views_as_epochs_nothing_is_repeated(tmp_path):
    seen = train(tmp_path, views=3).seen
    assert len({x for sample in seen for x in sample[2:]}) == 3 * 10 * 3


def test_what_the_model_draws_does_not_depend_on_loading(tmp_path):
    hooks = [dict(type='EpochSeedHook')]
    one = train(tmp_path, hooks=hooks).drawn
    assert one == train(tmp_path, hooks=hooks, num_workers=1).drawn
    assert len(set(one)) == 15


RANK = '''
import random, sys
from pathlib import Path
import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import TRANSFORMS
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch import nn
import mmcckd

EPOCHS = dict(by_epoch=True, max_epochs=3)
{classes}
torch.distributed.init_process_group('gloo')
for workers in (0, 1):
    print(train(Path(sys.argv[1]), num_workers=workers).seen)
'''


def test_ranks(expected, tmp_path):
    classes = map(inspect.getsource, (DrawOfEach, Ten, Seen, train))
    results = run_ranks(
        RANK.format(classes='\n'.join(classes)), 2, tmp_path)
    for result in results:
        assert result.returncode == 0, result.stderr
    for ranks in zip(*(result.stdout.splitlines()[-2:]
                       for result in results)):
        one, other = map(literal_eval, ranks)
        assert len(one) == len(other) == 3 * 5
        for epoch in range(3):
            samples = slice(epoch * 5, epoch * 5 + 5)
            assert set(one[samples] + other[samples]) == set(
                expected[epoch * 10:epoch * 10 + 10])


@HOOKS.register_module(force=True)
class SwitchRecipeHook(HOOKS.get('EmptyCacheHook')):
    """Of the name of MMPretrain's."""


class Stream(IterableDataset):

    def __len__(self):
        return 10

    def __iter__(self):
        yield from range(10)


class Endless(DefaultSampler):

    def __iter__(self):
        while True:
            yield from super().__iter__()


def loader(sampler=None, dataset=None, **options):
    dataset = dataset or Ten(pipeline=[dict(type='DrawOfEach')])
    options.setdefault('collate_fn', pseudo_collate)
    return DataLoader(dataset, sampler=sampler, **options)


REFUSED = [
    (lambda: loader(Endless(range(10))), {},
     'The sampler Endless yields samples without end, or more than'),
    (lambda: loader(DefaultSampler(range(11))), {},
     'The sampler yields the index 10, but the Ten has 10 samples'),
    (lambda: loader(batch_size=None), {},
     'train_dataloader has batch_size=None: the data set forms'),
    (lambda: loader(dataset=Stream()), {}, 'Stream is an IterableDataset'),
    (lambda: dict(
        dataset=Ten(pipeline=[dict(type='DrawOfEach')]),
        batch_size=2,
        sampler=dict(type='mmpretrain.RepeatAugSampler')), {},
     'RepeatAugSampler repeats samples in an epoch to augment them differe'),
    (loader, dict(
        custom_hooks=[
            dict(type='RepeatableViewsHook', views=2),
            dict(type='SwitchRecipeHook')
        ]), 'SwitchRecipeHook changes the pipeline or the batch augmentation'),
    (lambda: loader(RandomSampler(range(10))), dict(train_cfg=ITERATIONS),
     'RandomSampler has no set_epoch, so in a loop that counts iterations'),
    (lambda: dict(
        dataset=Ten(pipeline=[dict(type='DrawOfEach')]),
        batch_size=2,
        sampler=dict(type='InfiniteSampler')), dict(train_cfg=ITERATIONS),
     'The sampler InfiniteSampler yields samples without end'),
]


@pytest.mark.parametrize('dataloader, options, message', REFUSED)
def test_refused_before_the_first_iteration(dataloader, options, message,
                                            tmp_path):
    model = Seen()
    runner = Runner(
        **{
            'model': model,
            'work_dir': str(tmp_path),
            'train_dataloader': dataloader(),
            'optim_wrapper': dict(optimizer=dict(type='SGD', lr=0.)),
            'train_cfg': EPOCHS,
            'custom_hooks': [dict(type='RepeatableViewsHook', views=2)],
            'experiment_name': f'{tmp_path.name}_refused',
            'log_level': 'ERROR',
            **options
        })
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert not model.seen


def test_checking_changes_no_generator():
    """PyTorch's own samplers draw from the global one."""
    runner = SimpleNamespace(
        model=Seen(),
        hooks=[],
        train_loop=SimpleNamespace(
            dataloader=loader(RandomSampler(range(10)))))
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    before = [random.random(), np.random.rand(), torch.rand(()).item()]
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    RepeatableViewsHook(2).before_train(runner)
    assert before == [random.random(), np.random.rand(), torch.rand(()).item()]


@pytest.mark.parametrize('augment', ['Mixup', 'CutMix', 'ResizeMix'])
def test_recipes_that_mix_batches_are_refused(augment, tmp_path):
    cfg = Config.fromfile(RECIPES / 'baseline/kd_r18w16_r10w6_digits.py')
    augments = dict(type=augment, alpha=1.)
    cfg.merge_from_dict({
        'work_dir': str(tmp_path),
        'log_level': 'ERROR',
        'model.teacher_ckpt': None,
        'model.architecture.train_cfg': dict(augments=[augments]),
        'custom_hooks': [dict(type='RepeatableViewsHook', views=2)],
    })
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match=f'mixed with {augment}, so an image'):
        runner.train()


@pytest.mark.parametrize('views, error', [(0, ValueError), ('2', TypeError)])
def test_arguments(views, error):
    with pytest.raises(error, match='views must be'):
        RepeatableViewsHook(views)
