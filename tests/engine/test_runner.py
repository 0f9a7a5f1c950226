from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner

from mmcckd.engine import build_runner
from tests.checkpoints import weights
from tests.processes import run_ranks

RECIPE = (
    Path(__file__).parent.parent.parent /
    'configs/cckd/r18w16_r10w6_digits.py')


def recipe(work_dir, **options):
    cfg = Config.fromfile(RECIPE)
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            experiment_name=work_dir.name,
            log_level='WARNING',
            train_cfg=dict(max_epochs=1),
            model=dict(teacher_ckpt=None)))
    cfg.merge_from_dict(options)
    return cfg


def test_the_runner_of_the_config_is_built(tmp_path):
    assert type(build_runner(recipe(tmp_path / 'one'))) is Runner
    flexible = recipe(tmp_path / 'two', runner_type='FlexibleRunner')
    assert type(build_runner(flexible)) is FlexibleRunner


def test_the_flexible_runner_trains_as_the_other(tmp_path):
    for name, options in (('one', {}),
                          ('two', dict(runner_type='FlexibleRunner'))):
        build_runner(recipe(tmp_path / name, **options)).train()
    one, two = (
        weights(tmp_path / name / 'epoch_1.pth')
        for name in ('one', 'two'))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize('options, message', [
    (dict(strategy=dict(type='FSDPStrategy'), runner_type=None),
     "strategy=FSDPStrategy, which only a FlexibleRunner reads: add runner_"),
    (dict(strategy=dict(type='DeepSpeedStrategy')),
     'strategy=DeepSpeedStrategy: distillation supports SingleDevice'),
    (dict(strategy=dict(type='mmengine.ColossalAIStrategy')),
     'strategy=ColossalAIStrategy: distillation supports SingleDevice'),
    ({
        'model.type': 'SingleTeacherDistill'
    }, 'with SingleTeacherDistill: only FrozenTeacherDistill is supported'),
    (dict(compile=True, find_unused_parameters=True),
     'FlexibleRunner does not read compile, find_unused_parameters'),
    (dict(
        strategy=dict(type='DDPStrategy'),
        custom_hooks=[dict(type='mmpretrain.EMAHook')]),
     'EMAHook with DDPStrategy: MMEngine cannot save'),
    ({
        'strategy.type': 'FSDPStrategy',
        'resume': True
    }, '--resume with FSDPStrategy: MMEngine 0.10.7 cannot'),
    ({
        'strategy.type': 'FSDPStrategy',
        'optim_wrapper.clip_grad': dict(max_norm=1.)
    }, r'optim_wrapper\.clip_grad with FSDPStrategy'),
    ({
        'strategy.type': 'FSDPStrategy',
        'optim_wrapper.accumulative_counts': 2
    }, r'optim_wrapper\.accumulative_counts with FSDPStrategy'),
    ({
        'strategy.type': 'FSDPStrategy',
        'strategy.model_wrapper.mixed_precision.param_dtype': 'bfloat16'
    }, 'also set a dtype for the teacher'),
])
def test_what_cannot_be_is_refused(options, message, tmp_path):
    cfg = recipe(tmp_path, **dict(dict(runner_type='FlexibleRunner'),
                                  **options))
    with pytest.raises(ValueError, match=message):
        build_runner(cfg)


def test_a_teacher_that_nothing_moved_is_where_the_images_are(
        tmp_path, monkeypatch):
    """As with FSDP, which moves the modules of the tree one by one."""
    runner = build_runner(recipe(tmp_path))
    moved, to = [], runner.model.teacher.to

    def note(device, *args):
        moved.append(device)
        return to(device, *args)

    monkeypatch.setattr(runner.model.teacher, 'to', note)
    runner.train()
    assert moved == [torch.device('cpu')]


TRAIN_ON_RANKS = '''
import sys
from mmengine.config import Config
from mmcckd.engine import build_runner, init_distributed

work_dir, epochs, *strategies = sys.argv[2:]
for strategy in strategies:
    cfg = Config.fromfile(sys.argv[1])
    cfg.merge_from_dict({
        'launcher': 'pytorch',
        'runner_type': 'FlexibleRunner',
        'strategy.type': strategy,
        'work_dir': f'{work_dir}/{strategy}',
        'experiment_name': strategy,
        'log_level': 'WARNING',
        'val_cfg.type': 'FrozenTeacherDistillValLoop',
        'train_cfg': dict(max_epochs=int(epochs), val_interval=1),
        'train_dataloader.batch_size': 20,
        'model.teacher_ckpt': None,
    })
    if epochs == '2':
        cfg.load_from = f'{cfg.work_dir}/epoch_1.pth'
    init_distributed('pytorch', cfg)
    runner = build_runner(cfg)
    runner.train()
    print(type(runner.model).__name__)
'''


@pytest.mark.skipif(
    torch.__version__ < (2, 2), reason='torch 2.1 has FSDP on a GPU only')
def test_shards_are_trained_as_whole_models(tmp_path):
    strategies = ('DDPStrategy', 'FSDPStrategy')
    for result in run_ranks(TRAIN_ON_RANKS, 2, RECIPE, tmp_path, 1,
                            *strategies):
        assert result.returncode == 0, result.stderr
        assert result.stdout.split()[-1] == 'MMFullyShardedDataParallel'
    whole, shards = (
        weights(tmp_path / strategy / 'epoch_1.pth')
        for strategy in strategies)
    whole = {key.removeprefix('module.'): whole[key] for key in whole}
    assert whole.keys() == shards.keys()
    for key in whole:
        torch.testing.assert_close(shards[key], whole[key])
    # A whole checkpoint: MMEngine's other runner reads it, as tools/test.py.
    cfg = recipe(tmp_path, **{
        'load_from': str(tmp_path / 'FSDPStrategy/epoch_1.pth')
    })
    runner = Runner.from_cfg(cfg)
    runner.load_or_resume()
    student = runner.model.student.state_dict()
    assert all(
        torch.equal(student[key], shards[f'architecture.{key}'])
        for key in student)
    # And a run on shards starts from it.
    for result in run_ranks(TRAIN_ON_RANKS, 2, RECIPE, tmp_path, 2,
                            'FSDPStrategy'):
        assert result.returncode == 0, result.stderr
    assert (tmp_path / 'FSDPStrategy/epoch_2.pth').exists()
