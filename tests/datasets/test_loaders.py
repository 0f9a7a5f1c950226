from pathlib import Path

import pytest
from mmengine.config import Config, ConfigDict
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmcckd.datasets import CURSampler
from mmcckd.datasets.loaders import check_loader

ROOT = Path(__file__).parent.parent.parent
CUR = dict(type='CURSampler', samples_per_class=4)
INFINITE = dict(type='InfiniteSampler', shuffle=True)


def recipe(name, train_cfg=None, **changes):
    loader = dict(
        batch_size=40,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='Digits'))
    loader.update(changes)
    return ConfigDict({
        name: {key: value
               for key, value in loader.items() if value is not None},
        'train_cfg': train_cfg or dict(by_epoch=True, max_epochs=2)
    })


def build(cfg, name):
    Runner.build_dataloader(cfg[name], seed=0)


@pytest.mark.parametrize('name, changes, message, hosts', [
    ('train', dict(batch_sampler=CUR, drop_last=True),
     'train_dataloader has both drop_last=True and the batch_sampler '
     'CURSampler, .*Remove drop_last, or set drop_last=False in a config that '
     'inherits it. All batches of CURSampler are full', ValueError),
    ('train', dict(batch_sampler=CUR, shuffle=True),
     'has both shuffle=True and the batch_sampler.*inherits it.$',
     ValueError),
    ('train', dict(batch_sampler=CUR, batch_size=None),
     'has the batch_sampler CURSampler, but no batch_size; set it',
     TypeError),
    ('val', dict(dataset=None), 'val_dataloader has no dataset; set dataset',
     TypeError),
    ('train', dict(shuffle=True), 'has both shuffle=True and a sampler; only '
     'the sampler', ValueError),
    ('train', dict(sampler=INFINITE), 'sampler InfiniteSampler, but train_cfg '
     'counts epochs: the first epoch would never end', None),
    ('val', dict(sampler=INFINITE), 'evaluation would never end', None),
    ('test', dict(batch_sampler=dict(CUR, type='mmengine.CURSampler')),
     'test_dataloader has the batch_sampler CURSampler, which repeats some '
     'samples and omits others', None),
])
def test_what_is_refused(name, changes, message, hosts):
    name = f'{name}_dataloader'
    cfg = recipe(name, **changes)
    with pytest.raises(ValueError, match=message):
        check_loader(cfg, name)
    if hosts is None:
        build(cfg, name)  # no word from MMEngine
    else:
        with pytest.raises(hosts):
            build(cfg, name)


@pytest.mark.parametrize('name, changes, message', [
    ('train', dict(batch_size=None), 'train_dataloader has no batch_size: '
     'each batch is a single sample'),
    ('train', dict(sampler=dict(type='DefaultSampler', shuffle=False)),
     'train_dataloader does not shuffle: all epochs have'),
    ('train', dict(sampler=None), "Set sampler=dict(type='DefaultSampler', "
     'shuffle=True)'),
    ('test', dict(drop_last=True), 'test_dataloader has drop_last=True: '
     'samples after the last full batch are not evaluated'),
])
def test_what_is_said(name, changes, message, log):
    check_loader(recipe(f'{name}_dataloader', **changes),
                 f'{name}_dataloader')
    assert message in log.text


@pytest.mark.parametrize('name, changes', [
    ('train', dict()),
    ('train', dict(batch_sampler=CUR, drop_last=False)),
    ('train', dict(batch_sampler=CUR, sampler=dict(
        type='DefaultSampler', shuffle=False))),
    ('train', dict(drop_last=True)),
    ('train', dict(sampler=None, shuffle=True)),
    ('val', dict(sampler=None)),
    ('train', dict(sampler=INFINITE, train_cfg=dict(
        by_epoch=False, max_iters=5))),
    ('train', dict(sampler=INFINITE, train_cfg=dict(
        type='IterBasedTrainLoop', max_iters=5))),
    ('val', dict(sampler=dict(type='DefaultSampler', shuffle=False))),
    ('val', dict(sampler=dict(type=DefaultSampler, shuffle=False))),
])
def test_what_is_right(name, changes, log):
    check_loader(recipe(f'{name}_dataloader', **changes),
                 f'{name}_dataloader')
    assert not log.records


def test_an_infinite_sampler_beside_cur():
    cfg = recipe('train_dataloader', sampler=INFINITE, batch_sampler=CUR)
    with pytest.raises(
            TypeError,
            match=r'The sampler \(InfiniteSampler\) has no epoch; set .*'
            "type='DefaultSampler', shuffle=True.*, also in a loop that "
            'counts iterations'):
        build(cfg, 'train_dataloader')


def test_cur_in_a_loop_that_counts_iterations(tmp_path):
    """What the message says to write: each epoch has its own batches."""
    cfg = Config.fromfile(ROOT / 'configs/baseline/r10w6_digits.py')
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.train_cfg = dict(by_epoch=False, max_iters=8)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.param_scheduler = None
    cfg.train_dataloader.update(
        num_workers=0, persistent_workers=False, batch_sampler=CUR)
    runner = Runner.from_cfg(cfg)
    labels = []

    class Listener(Hook):

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            labels.append([int(sample.gt_label)
                           for sample in data_batch['data_samples']])

    runner.register_hook(Listener())
    runner.train()
    sampler = DefaultSampler(runner.train_dataloader.dataset, seed=runner.seed)
    expected, of = [], runner.train_dataloader.dataset.get_gt_labels()
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        expected += [of[batch].tolist() for batch in CURSampler(sampler, 40)]
    assert labels == expected[:8] and len(expected) // 2 == 5
