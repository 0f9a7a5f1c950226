"""What a config file assigns has an effect, or is refused."""
import re
from pathlib import Path

import mmpretrain
import mmrazor
import pytest

from mmcckd.config_files import assignments
from mmcckd.engine.config_arguments import read_config

ROOT = Path(__file__).parent.parent.parent
DIGITS = str(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
LOSS_CC = 'model.distiller.distill_losses.loss_cc.loss_weight'


def child(tmp_path, text, base=DIGITS, name='child.py'):
    path = tmp_path / name
    path.write_text(f'_base_ = {str(base)!r}\n{text}\n')
    return str(path)


@pytest.mark.parametrize('text, keys', [
    ('beta = 0.0', LOSS_CC),
    ('beta: float = 0.0', LOSS_CC),
    ('k = 2', 'train_dataloader.batch_sampler.samples_per_class'),
    ('kernel = dict(gather=True)',
     'model.distiller.connectors.kernel_s.1.gather, '
     'model.distiller.connectors.kernel_t.gather'),
    ('train_pipeline = [dict(type="PackInputs")]',
     'train_dataloader.dataset.pipeline'),
])
def test_an_assignment_that_comes_too_late(text, keys, tmp_path):
    path = child(tmp_path, text)
    with pytest.raises(ValueError, match='^' + re.escape(
            text.partition(' =')[0].partition(':')[0]) + ' = .* in ' +
            re.escape(path) + ' changes nothing: .*depend on it: ' +
            re.escape(keys + ';')):
        read_config(path)
    # The same in a file below one that assigns it with effect.
    used = child(
        tmp_path, 'beta = 5.0\nmodel = dict(student_loss_weight=beta)',
        name='used.py')
    with pytest.raises(ValueError, match='^beta = 0.0 in .* changes nothing'):
        read_config(child(tmp_path, 'beta = 0.0', used, 'late.py'))
    # A file between is no better.
    with pytest.raises(ValueError, match='changes nothing'):
        read_config(child(tmp_path, '', path, 'grandchild.py'))


@pytest.mark.parametrize('text', [
    # It is used where it is assigned, in full or in part.
    'beta = 0.0\nmodel = dict(distiller=dict(distill_losses=dict('
    'loss_cc=dict(loss_weight=beta))))',
    'train_pipeline = [dict(type="PackInputs")]\n'
    'train_dataloader = dict(dataset=dict(pipeline=train_pipeline))',
    'beta = 5.0\nmodel = dict(student_loss_weight=beta)',
    'kernel = dict(gather=True)\nmodel = dict(distiller=dict(connectors=dict('
    'kernel_t=kernel)))',
    # It has the value that it has anyway.
    'beta = 25.0',
    # A name of its own, whatever it is for.
    'note = 3\nmy_model = 5',
    # Also one that is nearly a key that the file has, too.
    'test_cfgs = dict(fp16=True)\ntest_cfg = dict()',
    'custom_hook = dict(type="EMAHook")\ncustom_hooks = [custom_hook]',
    # Keys of the runner are what they are.
    'randomness = dict(seed=1)\ntrain_cfg = dict(max_epochs=1)',
])
def test_what_is_not_refused(text, tmp_path):
    read_config(child(tmp_path, text))


def test_one_that_a_child_reads(tmp_path):
    between = child(tmp_path, 'beta = 0.0')
    read_config(child(
        tmp_path, 'model = dict(student_loss_weight=_base_.beta)', between,
        'reads.py'))


@pytest.mark.parametrize('name, key', [
    ('train_dataloder', 'train_dataloader'), ('custom_hook', 'custom_hooks'),
    ('param_schedulers', 'param_scheduler'), ('defaults_hooks',
                                              'default_hooks')
])
def test_nearly_a_key_of_the_runner(name, key, tmp_path):
    path = child(tmp_path, f'{name} = dict(batch_size=8)')
    with pytest.raises(ValueError, match=re.escape(
            f'Nothing reads {name} in {path}. Did you mean {key}?')):
        read_config(path)


def test_what_packages_do_is_said(tmp_path, monkeypatch):
    """MMPretrain's file has a test_pipeline that it does not use."""
    base = 'mmpretrain::resnest/resnest200_64xb32_in1k.py'
    said = []
    monkeypatch.setattr(assignments, 'print_log',
                        lambda text, **_: said.append(text))
    for name in (base, child(tmp_path, 'train_cfg = dict(max_epochs=1)',
                             base)):
        said.clear()
        read_config(name)
        assert len(said) == 2  # of training and of test
        assert 'resnest200_64xb32_in1k.py changes nothing' in said[1]


@pytest.mark.parametrize('folder', [
    'python/dist-packages/mmpretrain/.mim/configs', 'mmrazor-clone/configs'])
def test_files_of_packages_are_only_said(folder, tmp_path, log):
    (tmp_path / 'mmrazor-clone/mmrazor').mkdir(parents=True)
    (tmp_path / 'mmrazor-clone/mmrazor/version.py').touch()
    (tmp_path / folder).mkdir(parents=True)
    read_config(child(tmp_path / folder, 'beta = 0.0'))
    assert 'beta = 0.0' in log.text and 'changes nothing' in log.text


PACKAGES = Path(mmpretrain.__file__).parent, Path(mmrazor.__file__).parent


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').rglob('*.py'))[::6]
                         + sorted((PACKAGES[0] / '.mim/configs/').glob(
                             '[!_]*/*.py'))[::60]
                         + sorted((PACKAGES[1] / '.mim/configs/distill').glob(
                             'mmcls/*/*.py'))[::6], ids=lambda path: path.stem)
def test_configs_that_are_shipped(path):
    """A sample of this repository's, MMPretrain's and MMRazor's."""
    read_config(str(path))
