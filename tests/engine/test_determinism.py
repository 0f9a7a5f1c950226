"""The same seed gives the same weights and losses, to the last bit.

The short form trains twice in this process. The long form, marked slow, trains
each recipe in processes of their own, with one and two ranks, two threads, and
different hash seeds of Python: tools/check_determinism.sh.
"""
import os
import runpy
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest
import torch

from tests.checkpoints import read
from tests.processes import free_port, run_ranks

ROOT = Path(__file__).parent.parent.parent
TRAIN = str(ROOT / 'tools/train.py')
# Arguments of train.py, in which {folder} is the folder of the run.
DIGITS = [
    str(ROOT / 'configs/cckd/r18w16_r10w6_digits.py'), '--no-validate',
    '--cfg-options', 'model.teacher_ckpt=None', 'param_scheduler.T_max=2',
    'default_hooks.averages.type=EMAHook'
]
EPOCHS = 'train_cfg.max_epochs=2'
KINDS = {
    'digits': [*DIGITS, EPOCHS],
    'iterations': ['{iterations}', *DIGITS[1:]],
    'bfloat16': [
        *DIGITS, EPOCHS, 'optim_wrapper.type=AmpOptimWrapper',
        'optim_wrapper.dtype=bfloat16'
    ],
    'teacher store': [
        *DIGITS, EPOCHS, 'model.teacher_store.path={folder}/store',
        'model.teacher_store.views=2', 'model.teacher_store.dtype=float32'
    ],
    # Smaller networks and images.
    'reid': [
        str(ROOT / 'configs/cckd/r50_r18_msmt17.py'), '--no-validate',
        '--cfg-options', 'model.architecture.backbone.init_cfg=None',
        'model.architecture.head.num_classes=60', 'model.teacher_ckpt=None',
        'model.teacher.backbone.depth=18',
        'model.teacher.backbone.init_cfg=None',
        'model.teacher.head.in_channels=512',
        'model.teacher.head.num_classes=60',
        'model.distiller.connectors.kernel_s.0.module_args.out_features=512',
        'train_dataloader.batch_size=16',
        'train_dataloader.dataset.data_root={data}',
        'train_dataloader.dataset.pipeline.1.scale=(16,32)',
        'train_dataloader.dataset.pipeline.3.crop_size=(32,16)',
        'train_cfg.max_epochs=1'
    ],
}
# More than two passes through the data.
ITERATIONS = f'''
_base_ = {DIGITS[0]!r}
train_cfg = dict(_delete_=True, by_epoch=False, max_iters=12)
default_hooks = dict(
    checkpoint=dict(by_epoch=False), logger=dict(log_metric_by_epoch=False))
log_processor = dict(by_epoch=False)
'''
WORKERS = {
    '0 workers': ['train_dataloader.num_workers=0'],
    '2 workers': [
        'train_dataloader.num_workers=2',
        'train_dataloader.persistent_workers=False'
    ],
    '2 persistent workers': [
        'train_dataloader.num_workers=2',
        'train_dataloader.persistent_workers=True'
    ],
}
IN_EACH_RANK = '''
import runpy, sys
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
'''


@pytest.fixture
def train(tmp_path, toy_msmt17):
    """Train in this process, and return the last checkpoint."""

    def train_here(name, *arguments):
        folder = tmp_path / name
        argv = [TRAIN, *fill_in(arguments, folder, toy_msmt17), *into(folder)]
        with mock.patch.object(sys, 'argv', argv):
            runpy.run_path(TRAIN, run_name='__main__')
        return last(folder)

    return train_here


def into(folder):
    """Return options for a folder. The name separates the logs of runs in one
    process."""
    return [f'work_dir={folder}', f'experiment_name={folder.name}']


def fill_in(arguments, folder, data):
    """Replace names in braces, and write what they stand for."""
    iterations = folder.with_suffix('.py')
    iterations.write_text(ITERATIONS)
    names = dict(folder=folder, data=data, iterations=iterations)
    return [text.format(**names) for text in arguments]


def last(folder):
    return read((folder / 'last_checkpoint').read_text())


def losses_of(checkpoint):
    """Return the losses of all iterations, by name."""
    return {
        name: history.data[0].tolist()
        for name, history in checkpoint['message_hub']['log_scalars'].items()
        if 'loss' in name
    }


def assert_same(one, other):
    """Compare weights, their averages, the optimizer and all losses."""
    for key in ('state_dict', 'ema_state_dict', 'optimizer',
                'param_schedulers'):
        assert (key in one) == (key in other)
        assert_equal(one.get(key), other.get(key), key)
    losses = losses_of(one)
    assert 'train/distill.loss_cc' in losses
    assert losses == losses_of(other)


def assert_equal(one, other, where):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_equal(one[key], other[key], f'{where}.{key}')
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other), where
        for i, pair in enumerate(zip(one, other)):
            assert_equal(*pair, f'{where}.{i}')
    else:
        assert one == other, where


def assert_differ(one, other):
    assert losses_of(one) != losses_of(other)


def test_workers(train):
    """Workers draw from generators of their own, persistent or not."""
    digits = KINDS['digits']
    runs = {
        name: train(name, *digits, *options)
        for name, options in WORKERS.items()
    }
    assert_same(runs['0 workers'], train('again', *digits))
    assert_same(runs['2 workers'], runs['2 persistent workers'])
    assert_differ(runs['2 workers'], runs['0 workers'])
    assert_differ(runs['0 workers'],
                  train('other', *digits, 'randomness.seed=1'))


@pytest.mark.parametrize('kind', [
    'iterations', 'reid',
    pytest.param('bfloat16', marks=pytest.mark.slow),
    pytest.param('teacher store', marks=pytest.mark.slow)
])
def test_kinds(train, kind):
    assert_same(*(train(name, *KINDS[kind], *WORKERS['2 persistent workers'])
                  for name in ('one', 'other')))


@pytest.mark.slow
def test_views_do_not_depend_on_the_workers(train):
    hook = ['default_hooks.views.type=RepeatableViewsHook',
            'default_hooks.views.views=2']
    assert_same(*(train(name, *KINDS['digits'], *hook, *WORKERS[name])
                  for name in ('0 workers', '2 workers')))


@pytest.mark.slow
def test_a_store_that_is_filled_makes_no_difference(train, tmp_path):
    kind = [*KINDS['teacher store'], f'model.teacher_store.path={tmp_path}/s']
    one, other = (train(name, *kind) for name in ('one', 'other'))
    assert_same(one, other)
    assert_same(one, train('no store', *KINDS['digits'],
                           'default_hooks.views.type=RepeatableViewsHook',
                           'default_hooks.views.views=2'))


def test_two_ranks(tmp_path):
    folders = tmp_path / 'one', tmp_path / 'other'
    for folder in folders:
        arguments = [
            TRAIN, '--launcher', 'pytorch', *KINDS['digits'],
            *WORKERS['2 workers'], *into(folder)
        ]
        for rank in run_ranks(IN_EACH_RANK, 2, *arguments):
            assert rank.returncode == 0, rank.stderr
    assert_same(*map(last, folders))


@pytest.mark.slow
@pytest.mark.parametrize('ranks', [1, 2])
@pytest.mark.parametrize('workers', WORKERS)
@pytest.mark.parametrize('kind', KINDS)
def test_processes(tmp_path, toy_msmt17, kind, workers, ranks):
    folders = tmp_path / 'one', tmp_path / 'other'
    processes = []
    for seed, folder in enumerate(folders):
        command = [
            '-m', 'torch.distributed.run', '--nproc-per-node', str(ranks),
            '--master-port', free_port(), TRAIN, '--launcher', 'pytorch'
        ] if ranks > 1 else [TRAIN]
        arguments = fill_in(KINDS[kind], folder, toy_msmt17)
        with open(folder.with_suffix('.log'), 'w') as log:
            processes.append(
                subprocess.Popen(
                    [
                        sys.executable, *command, *arguments,
                        *WORKERS[workers], *into(folder)
                    ],
                    env=dict(
                        os.environ,
                        PYTHONHASHSEED=str(seed),
                        OMP_NUM_THREADS='1' if ranks > 1 else '2'),
                    stdout=log,
                    stderr=log))
    for process, folder in zip(processes, folders):
        assert process.wait(600) == 0, folder.with_suffix('.log').read_text()
    assert_same(*map(last, folders))
