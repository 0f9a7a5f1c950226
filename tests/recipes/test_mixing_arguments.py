"""``--mix-cc``, ``--frozen-teacher`` and ``--teacher-store``."""
import argparse
import copy
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from mmcckd.arguments import add_config_arguments, add_mixing_arguments
from mmcckd.engine import load_config
from mmcckd.recipes import mix_cc
from mmcckd.recipes.mixing_arguments import mix

ROOT = Path(__file__).parent.parent.parent
KD = 'configs/baseline/kd_r18w16_r10w6_digits.py'


@pytest.fixture(scope='module')
def digits():
    return Config.fromfile(ROOT / KD)


def mixed(cfg, *arguments):
    parser = argparse.ArgumentParser()
    add_mixing_arguments(parser)
    return mix(cfg, parser.parse_args(arguments))


def test_nothing_by_default(digits):
    assert mixed(digits) is digits


@pytest.mark.parametrize('options, arguments', [
    ([], dict()),
    (['loss_weight=3', 'source=neck.gap', 'samples_per_class=2'],
     dict(loss_weight=3, source='neck.gap', samples_per_class=2)),
    (['sampler=None'], dict(sampler=None)),
    (['kernel.gamma=0.2', 'kernel.order=None'],
     dict(kernel=dict(
         type='GaussianRBFKernelConnector', gamma=0.2, order=None))),
    (['kernel.type=MMDKernelConnector'],
     dict(kernel=dict(type='MMDKernelConnector'))),
    (['source.student=neck', 'source.teacher=neck.gap'],
     dict(source=dict(student='neck', teacher='neck.gap'))),
    (['source.type=ModuleInputs', 'source.source=head.fc'],
     dict(source=dict(type='ModuleInputs', source='head.fc'))),
    (['source=backbone', 'connector.type=PositionConnector',
      'connector.size=[4,4]', 'connector.teacher.level=0'],
     dict(source='backbone', connector=dict(
         type='PositionConnector', size=[4, 4], teacher=dict(level=0)))),
    (['connector=None'], dict(connector=None)),
    (['data_idx=0'], dict(data_idx=0)),
    (['data_idx.teacher=1'], dict(data_idx=dict(teacher=1))),
    (['student_projection.type=TorchNNConnector',
      'student_projection.module_name=Linear',
      'student_projection.module_args.in_features=12',
      'student_projection.module_args.out_features=128'],
     dict(student_projection=dict(
         type='TorchNNConnector', module_name='Linear',
         module_args=dict(in_features=12, out_features=128)))),
])
def test_options_are_the_arguments(options, arguments, digits):
    assert (mixed(digits, '--mix-cc', *options).to_dict() ==
            mix_cc(digits, **arguments).to_dict())


@pytest.mark.parametrize('key, message', [
    ('loss_wieght=1', "no 'loss_wieght'; did you mean 'loss_weight'.* Its "
     'keys are source, connector, kernel, loss_weight, sampler, samples_per'),
    ('xyz.a=1', r"--mix-cc has no 'xyz'\. Its keys are source, "),
])
def test_a_key_that_does_not_exist(key, message, digits):
    with pytest.raises(ValueError, match=message):
        mixed(digits, '--mix-cc', key)


def test_a_config_that_the_flag_takes_for_a_key(digits, capsys):
    with pytest.raises(SystemExit):
        mixed(digits, '--mix-cc', KD)
    assert f'expects key=value, but got {KD!r}; put the config file' in (
        capsys.readouterr().err)


def test_teacher_store(digits):
    before = digits.to_dict()
    cfg = mixed(digits, '--teacher-store', 'a folder/10')
    assert cfg.model.pop('teacher_store') == dict(path='a folder/10', views=80)
    assert cfg.to_dict() == before == digits.to_dict()
    cfg = mixed(digits, '--teacher-store', '10', 'views=2', 'seed=3',
                'dtype=float32', 'top_k.fc=4')
    assert cfg.model.teacher_store == dict(
        path='10', views=2, seed=3, dtype='float32', top_k=dict(fc=4))
    # Settings of the recipe are kept.
    cfg = mixed(cfg, '--teacher-store', 'other', 'seed=5')
    assert cfg.model.teacher_store == dict(
        path='other', views=2, seed=5, dtype='float32', top_k=dict(fc=4))


@pytest.mark.parametrize('arguments, message', [
    (['p', 'veiws=1'], "no key 'veiws'; did you mean 'views'"),
    (['p', 'views=0'], 'views should be 1 or more, but is 0'),
    (['p', 'dtype=float8'], 'dtype should be one of'),
    (['p', 'top_k=4'], 'top_k should give a number for the name of'),
])
def test_bad_settings_of_a_store(arguments, message, digits):
    with pytest.raises((TypeError, ValueError), match=message):
        mixed(digits, '--teacher-store', *arguments)


@pytest.mark.parametrize('arguments, message', [
    (['views=1'], "expects the folder of the store before key=value, but got "
     "'views=1'"),
    (['p', KD], f'expects key=value, but got {KD!r}; put the config file'),
    ([], 'expected at least one argument'),
])
def test_a_store_without_a_folder(arguments, message, digits, capsys):
    with pytest.raises(SystemExit):
        mixed(digits, '--teacher-store', *arguments)
    assert message in capsys.readouterr().err


def test_the_number_of_views_is_needed_without_epochs(digits):
    cfg = copy.deepcopy(digits)
    cfg.train_cfg = dict(by_epoch=False, max_iters=10)
    with pytest.raises(ValueError, match='no max_epochs. Give it: --teacher'):
        mixed(cfg, '--teacher-store', 'p')
    cfg = mixed(cfg, '--teacher-store', 'p', 'views=2')
    assert cfg.model.teacher_store == dict(path='p', views=2)


def test_a_store_needs_a_frozen_teacher(digits):
    cfg = copy.deepcopy(digits)
    cfg.model.type = 'SingleTeacherDistill'
    with pytest.raises(
            ValueError, match='of this recipe is SingleTeacherDistill.* add '
            '--frozen-teacher'):
        mixed(cfg, '--teacher-store', 'p')
    cfg = mixed(cfg, '--frozen-teacher', '--teacher-store', 'p', '--mix-cc')
    assert cfg.model.type == 'FrozenTeacherDistill'
    assert cfg.model.teacher_store.path == 'p'
    alone = Config.fromfile(ROOT / 'configs/baseline/r10w6_digits.py')
    with pytest.raises(ValueError, match='has no model.distiller'):
        mixed(alone, '--teacher-store', 'p')


@pytest.mark.parametrize('option', ['beta=10', 'gamma=0.1', 'k=2'])
def test_variables_that_the_recipe_lacks(option):
    """The keys of the CC loss are named in the message."""
    parser = argparse.ArgumentParser()
    add_config_arguments(parser)
    add_mixing_arguments(parser)
    args = parser.parse_args([KD, '--mix-cc', '--cfg-options', option])
    with pytest.raises(ValueError, match='has no (beta|gamma|k).*after it: '
                       r'--mix-cc loss_weight=… kernel\.gamma=… '):
        load_config(args)


def run(tool, *arguments):
    result = subprocess.run(
        [sys.executable, ROOT / f'tools/{tool}.py', *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_train_and_test(tmp_path):
    """The config in the work dir is the mixed one, and can be tested."""
    log = run('train', KD, '--work-dir', tmp_path, '--mix-cc', 'loss_weight=3',
              '--frozen-teacher', '--cfg-options', 'model.teacher_ckpt=None',
              'train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1',
              'default_hooks.logger.interval=1')
    assert 'distill.loss_cc: ' in log
    written = tmp_path / Path(KD).name
    loss = Config.fromfile(written).model.distiller.distill_losses.loss_cc
    assert loss == dict(type='CorrelationCongruenceLoss', loss_weight=3)
    log = run('test', written, tmp_path / 'epoch_1.pth', '--work-dir',
              tmp_path / 'test')
    assert 'accuracy/top1' in log
    tested = Config.fromfile(tmp_path / 'test' / written.name)
    assert tested.model == Config.fromfile(written).model
