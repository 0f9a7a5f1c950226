import random
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import TRANSFORMS
from mmengine.runner import Runner
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from mmcckd.engine import TeacherStoreHook, build_runner
from tests.checkpoints import weights
from tests.processes import run_ranks

RECIPE = (
    Path(__file__).parent.parent.parent /
    'configs/cckd/r18w16_r10w6_digits.py')
FC, NECK = 'ModuleOutputs:head.fc', 'ModuleOutputs:neck'


@pytest.fixture(scope='module')
def teacher_ckpt(tmp_path_factory):
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    torch.manual_seed(1)
    teacher = MODELS.build(Config.fromfile(RECIPE).model.teacher)
    torch.save(dict(state_dict=teacher.state_dict()), path)
    return str(path)


@pytest.fixture(autouse=True)
def plain_text(monkeypatch):
    """MMEngine formats a config several times a run, which takes seconds."""
    monkeypatch.setattr(
        Config, 'pretty_text',
        property(lambda cfg: '\n'.join(
            f'{key} = {value!r}'
            for key, value in cfg._to_lazy_dict().items())))


@pytest.fixture
def recipe(tmp_path, teacher_ckpt):
    """CCKD on 80 digits, two batches an epoch."""

    def make(name='run', **options):
        cfg = Config.fromfile(RECIPE)
        cfg.merge_from_dict({
            'work_dir': str(tmp_path / name),
            'experiment_name': f'{tmp_path.name}_{name}',
            'log_level': 'WARNING',
            'default_hooks.checkpoint.max_keep_ckpts': 9,
            'train_cfg': dict(max_epochs=2),
            'train_dataloader.dataset.samples_per_class': 8,
            'model.teacher_ckpt': teacher_ckpt,
        })
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'val_{part}'] = cfg[f'test_{part}'] = None
        cfg.merge_from_dict(options)
        return cfg

    return make


@pytest.fixture
def store(tmp_path):
    """A ``teacher_store`` in a folder of the test."""

    def make(name='store', **settings):
        return {
            'model.teacher_store':
            dict(
                dict(path=str(tmp_path / 'stores' / name), views=2),
                **settings)
        }

    return make


def train(cfg):
    """Train, and return the number of images that the teacher was given."""
    torch.manual_seed(0)  # the weights of a runner without a seed
    runner = build_runner(cfg)
    runner.model.images = 0

    def count(module, args):
        runner.model.images += len(args[0])

    before_train = runner.model.teacher.register_forward_pre_hook
    hook = next((hook for hook in runner.hooks
                 if isinstance(hook, TeacherStoreHook)), None)
    if hook is not None:  # count from the first iteration
        open_store = hook.before_train

        def open_and_count(runner):
            open_store(runner)
            before_train(count)

        hook.before_train = open_and_count
    runner.train()
    # Ends the workers; the garbage collector takes 5 s for each of them.
    runner.train_dataloader._iterator = None
    return runner.model.images


def students(folder, *names, epoch=2):
    return [weights(folder / name / f'epoch_{epoch}.pth') for name in names]


def identical(one, *others):
    return all(
        other.keys() == one.keys() and all(
            torch.equal(one[key], other[key]) for key in one)
        for other in others)


def rows(folder):
    return {
        path.parent.name: path.read_bytes()
        for path in sorted(folder.glob('*/rows.npy'))
    }


def test_a_store_does_not_change_a_bit(tmp_path, recipe, store):
    exact = store(dtype='float32')
    assert train(recipe('filling', **exact)) == 160 + 1  # 1 to prepare it
    assert train(recipe('filled', **exact)) == 0
    other = store('other', dtype='float32')
    train(recipe('other_order', **other, **{'randomness.seed': 3}))
    assert train(recipe('filled_by_other', **other)) == 0
    cfg = recipe('without')
    cfg.custom_hooks = [dict(type='RepeatableViewsHook', views=2)]
    train(cfg)
    assert identical(*students(tmp_path, 'filling', 'filled',
                               'filled_by_other', 'without'))
    assert not identical(*students(tmp_path, 'filling', 'other_order'))
    assert rows(tmp_path / 'stores/store') == rows(tmp_path / 'stores/other')
    assert len(rows(tmp_path / 'stores/store')) == 2


def test_wrapped_data_sets(tmp_path, recipe, store):
    """Each index of the wrapper has rows of its own, also if it repeats an
    image."""

    def wrapped(name, **options):
        cfg = recipe(name, **options)
        digits = cfg.train_dataloader.dataset
        digits.samples_per_class = 3
        cfg.train_dataloader.dataset = dict(
            type='ConcatDataset',
            datasets=[
                dict(
                    type='KFoldDataset', dataset=digits, num_splits=3,
                    seed=0),
                dict(type='RepeatDataset', times=2, dataset=digits),
            ])
        return cfg

    exact = store(dtype='float32')
    assert train(wrapped('filling', **exact)) > 0
    assert train(wrapped('filled', **exact)) == 0
    cfg = wrapped('without')
    cfg.custom_hooks = [dict(type='RepeatableViewsHook', views=2)]
    train(cfg)
    assert identical(*students(tmp_path, 'filling', 'filled', 'without'))
    cfg = wrapped('other_fold', **exact)
    cfg.train_dataloader.dataset.datasets[0].fold = 1
    with pytest.raises(ValueError, match='samples'):
        train(cfg)


def test_float16_rounds_but_is_repeatable(tmp_path, recipe, store):
    for name in ('filling', 'filled'):
        train(recipe(name, **store()))
    train(recipe('exact', **store('exact', dtype='float32')))
    filling, filled, exact = students(tmp_path, 'filling', 'filled', 'exact')
    assert identical(filling, filled)
    assert not identical(filling, exact)
    for key, value in exact.items():
        torch.testing.assert_close(filling[key], value, rtol=0.1, atol=0.01)


def test_workers_and_resuming_change_nothing(tmp_path, recipe, store):
    train(recipe('undisturbed', **store('one')))
    train(
        recipe(
            'resumed', **store('two'), **{
                'train_dataloader.num_workers': 2,
                'train_dataloader.persistent_workers': True,
                'load_from': str(tmp_path / 'undisturbed/epoch_1.pth'),
                'resume': True
            }))
    assert identical(*students(tmp_path, 'undisturbed', 'resumed'))
    # The rows of the second epoch, by two workers.
    train(recipe('again', **store('two')))
    assert rows(tmp_path / 'stores/one') == rows(tmp_path / 'stores/two')


def test_iterations(tmp_path, recipe, store, monkeypatch):
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)
    names = ('filling', 'filled')
    for name in names:
        cfg = recipe(name, **store())
        cfg.train_cfg = dict(by_epoch=False, max_iters=4)
        cfg.default_hooks.checkpoint.by_epoch = False
        cfg.default_hooks.checkpoint.interval = 4
        images = train(cfg)
    assert images == 0
    assert identical(*(weights(tmp_path / name / 'iter_4.pth')
                       for name in names))


TRAIN_ON_RANKS = '''
import sys
from mmengine.config import Config
from mmcckd.engine import build_runner, init_distributed

Config.pretty_text = property(repr)  # formatting takes seconds
for path in sys.argv[1:]:
    cfg = Config.fromfile(path)
    init_distributed('pytorch', cfg)
    build_runner(cfg).train()
'''


def test_ranks_share_a_store(tmp_path, recipe, store):
    train(recipe('one', **store('one', dtype='float32')))
    paths = []
    for name, folder in (('filling', 'two'), ('filled_by_one', 'one')):
        cfg = recipe(
            name,
            **store(folder, dtype='float32'),
            **{'train_dataloader.batch_size': 20},
            launcher='pytorch',
            model_wrapper_cfg=dict(
                type='MMDistributedDataParallel', device_ids=None))
        del cfg.train_dataloader.batch_sampler
        paths.append(tmp_path / f'{name}.py')
        cfg.dump(paths[-1])
    for result in run_ranks(TRAIN_ON_RANKS, 2, *paths):
        assert result.returncode == 0, result.stderr
    assert identical(*students(tmp_path, 'filling', 'filled_by_one'))
    assert rows(tmp_path / 'stores/one') == rows(tmp_path / 'stores/two')


def test_the_flexible_runner(tmp_path, recipe, store):
    train(recipe('filling', **store()))
    build_runner(
        recipe('filled', **store(), runner_type='FlexibleRunner')).train()
    assert identical(*students(tmp_path, 'filling', 'filled'))


def open_store(cfg):
    """Do what comes before the first iteration."""
    runner = build_runner(cfg)
    runner.train_loop  # noqa: B018  # builds it
    runner.call_hook('before_train')
    return runner


def test_the_hook_says_how_much_is_stored(recipe, store, capsys):
    open_store(recipe(**store(), log_level='INFO'))
    assert f'{FC} 0.0 % stored, {NECK} 0.0 % stored.' in capsys.readouterr(
    ).out


def test_sources_can_be_added(tmp_path, recipe, store):
    cfg = recipe('kd', **store())
    for key in ('distill_losses', 'loss_forward_mappings'):
        del cfg.model.distiller[key]['loss_cc']
    train(cfg)
    assert list(rows(tmp_path / 'stores/store')) == ['ModuleOutputs%3Ahead.fc']
    train(recipe('cckd', **store()))
    assert len(rows(tmp_path / 'stores/store')) == 2
    assert train(cfg) == 0


@TRANSFORMS.register_module()
class Shrink:
    """Make the image of every second sample smaller."""

    def __call__(self, data):
        if data['gt_label'] % 2:
            data['img'] = data['img'][:6, :6]
        return data


@TRANSFORMS.register_module()
class PackNothing:
    """Return samples without ``data_samples``."""

    def __call__(self, data):
        return dict(inputs=torch.zeros(1, 8, 8) * random.random())


LOADER = 'train_dataloader.dataset'
CROP = dict(type='RandomCrop', crop_size=8, padding=1)
PACK = dict(type='PackInputs')


@pytest.mark.parametrize('changes, message', [
    ({'model.teacher_ckpt': None}, 'teacher.weights is "[0-9a-f]+" in the '
     'store, but "[0-9a-f]+" here'),
    ({'model.teacher.backbone.frozen_stages': 1, f'{LOADER}.split': 'val'},
     'dataset.samples is "[0-9a-f]+" in the store, but'),
    ({'model.teacher_dtype': 'bfloat16'},
     'teacher.precision is "float32" in the store, but "bfloat16" here'),
    ({f'{LOADER}.samples_per_class': 4}, 'num_samples is 80 .* but 40 here'),
    ({f'{LOADER}.pipeline': [dict(CROP, padding=2), PACK]},
     r'pipelines.0.0 is "RandomCrop\(.*padding=1.* but .*padding=2'),
    ({f'{LOADER}.pipeline': [PACK]}, 'pipelines.0 is .*RandomCrop.* but'),
    ({'model.teacher_store.seed': 5}, 'seed is 0 in the store, but 5 here'),
    ({'model.teacher_store.views': 3}, 'views is 2 in the store, but 3 here'),
    ({'data_preprocessor.mean': [70.]},
     r'images.preprocessing is .*mean \[78\].* but .*mean \[70\]'),
    ({'model.teacher_store.dtype': 'float32'}, 'float16.* but .*float32'),
    ({'model.teacher_store.top_k': dict(fc=3)}, 'top_k is null .* but 3'),
])
def test_a_store_of_something_else(recipe, store, changes, message):
    open_store(recipe(**store()))
    with pytest.raises(ValueError, match=message):
        open_store(recipe(**{**store(), **changes}))


@pytest.mark.parametrize('changes, message', [
    ({f'{LOADER}.pipeline': [dict(type='Shrink'), PACK]},
     r'\(1, 8, 8\) after the pipeline, and that .* \(1, 6, 6\).*one size'),
    ({f'{LOADER}.pipeline': [dict(type='PackNothing')]},
     'needs samples with inputs and data_samples'),
    ({'model.teacher_store.top_k': dict(fc=10)},
     r'teacher_recorders.fc \(.*head.fc\) cannot be stored: top_k should be '
     'from 1 to 9'),
    ({'model.distiller.teacher_recorders.feature':
      dict(type='ModuleOutputs', source='backbone.bn1.weight')},
     'no module'),
    (dict(custom_hooks=[dict(type='RepeatableViewsHook', views=2)]),
     'RepeatableViewsHook and TeacherStoreHook.*Remove RepeatableViewsHook'),
    (dict(custom_hooks=[dict(type='TeacherStoreHook'),
                        dict(type='TeacherStoreHook')]),
     'TeacherStoreHook and TeacherStoreHook'),
])
def test_what_cannot_be_stored(recipe, store, changes, message):
    with pytest.raises(ValueError, match=message):
        open_store(recipe(**{**store(), **changes}))


def test_an_image_of_another_size_in_training(recipe, store):
    """The first and the last image have the same size."""
    cfg = recipe(**store())
    cfg.train_dataloader.dataset.pipeline = [dict(type='Shrink'), PACK]
    runner = build_runner(cfg)
    labels = runner.train_loop.dataloader.dataset.get_gt_labels()
    even = [i for i, label in enumerate(labels) if label % 2 == 0]
    runner.train_loop.dataloader.dataset.get_subset_(
        [even[0], *range(len(labels)), even[1]])
    with pytest.raises(ValueError, match=r'has the shape \(1, 6, 6\)'):
        runner.train()


def test_a_model_without_a_store(recipe):
    cfg = recipe()
    cfg.custom_hooks = [dict(type='TeacherStoreHook')]
    with pytest.raises(ValueError, match='FrozenTeacherDistill has none. Set'):
        open_store(cfg)


def test_a_runner_without_the_hook(recipe, store):
    cfg = recipe(**store())
    with pytest.raises(ValueError,
                       match='store is not open.*TeacherStoreHook'):
        Runner.from_cfg(cfg).train()
    cfg = recipe('with_hook', **store())
    cfg.custom_hooks = [dict(type='TeacherStoreHook')]
    Runner.from_cfg(cfg).train()


def test_samples_of_another_loader(recipe, store):
    runner = open_store(recipe(**store()))
    with pytest.raises(ValueError, match='do not say which sample and view'):
        runner.model.loss(torch.zeros(1, 1, 8, 8), [DataSample()])


def test_other_weights_are_not_stored(recipe, store, teacher_ckpt):
    runner = open_store(recipe(**store()))
    runner.model.teacher.load_state_dict(runner.model.teacher.state_dict())
    with pytest.raises(ValueError, match='loaded into the teacher since'):
        runner.model.loss(torch.zeros(1, 1, 8, 8), [DataSample()])


def test_training_twice(recipe, store):
    """The teacher is prepared by then, which changes its weights."""
    runner = build_runner(recipe(**store()))
    runner.train()
    runner.call_hook('before_train')
    open_store(recipe(**store()))


def test_a_transform_whose_code_has_changed(recipe, store, monkeypatch):
    train(recipe('filling', **store()))

    def transform(self, results):
        return dict(results, img=results['img'][::-1].copy())

    monkeypatch.setattr(TRANSFORMS.get('mmpretrain.RandomCrop'), 'transform',
                        transform)
    with pytest.raises(ValueError, match='has another record of .* than the '
                       'teacher gives now'):
        train(recipe('changed', **store()))
