"""The tool with few iterations of the digits, and a random teacher."""
import importlib.util
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.engine import ratio_measurement

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/suggest_beta.py'
RECIPE = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'
KD = ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py'
LOSS = 'model.distiller.distill_losses.loss_cc'


@MODELS.register_module()
class ZeroConnector(nn.Module):
    """Features that are equal for student and teacher, and constant."""

    def forward(self, feature):
        return 0 * (feature[0] if isinstance(feature, tuple) else feature)


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('tool', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


@pytest.fixture
def suggest(tool, monkeypatch, tmp_path, capfd):
    """Run the tool in this process; what it printed."""
    monkeypatch.chdir(tmp_path)

    def call(config, *arguments, options=()):
        monkeypatch.setattr('sys.argv', [
            'suggest_beta.py',
            str(config), '--iterations', '6', *map(str, arguments),
            '--cfg-options', 'model.teacher_ckpt=None', 'randomness.seed=0',
            *options
        ])
        tool.main()
        return capfd.readouterr().out

    return call


def test_a_suggestion(suggest, tmp_path):
    text = suggest(RECIPE, '--ratio', 0.5)
    assert re.findall(r'iteration +(\d+): r = loss_cc [\d.]+', text)[:3] == [
        '1', '2', '5'
    ]
    measured = re.findall(r'median r = (\S+) at β = (\S+) in the', text)
    assert measured[0][1] == '25'
    assert float(measured[-1][0]) == pytest.approx(0.5, rel=0.1)
    # proportional to R, as the training hardly depends on β in 6 iterations
    suggested = float(re.search(rf'\n{LOSS}.loss_weight=(\S+)', text)[1])
    assert suggested == pytest.approx(float(measured[-1][1]), rel=0.15)
    assert list(tmp_path.iterdir()) == []


def test_a_ratio_that_does_not_settle(suggest, monkeypatch, capfd):
    monkeypatch.setattr(ratio_measurement, 'CHANGE', 1.)
    monkeypatch.setattr(ratio_measurement, 'LONGEST', 3)
    with pytest.raises(RuntimeError, match='still changes after 18 iter'):
        suggest(RECIPE)
    text = capfd.readouterr().out
    assert 'in the second half of 18 iterations' in text
    assert f'\n{LOSS}.loss_weight=' in text  # for this part of the training


def test_a_complete_training_is_long_enough(suggest, monkeypatch):
    monkeypatch.setattr(ratio_measurement, 'CHANGE', 1.)
    text = suggest(
        RECIPE,
        options=[
            'train_cfg._delete_=True', 'train_cfg.by_epoch=False',
            'train_cfg.max_iters=10'
        ])
    assert 'in the second half of 10 iterations' in text


def test_a_loss_weight_of_0(suggest):
    text = suggest(RECIPE, options=[f'{LOSS}.loss_weight=0'])
    assert 'loss_cc has loss_weight=0. It is set to 1e-06 instead' in text
    assert f'\n{LOSS}.loss_weight=' in text


def test_other_recipes_with_mix_cc_and_a_store(suggest, tmp_path):
    text = suggest(KD, '--mix-cc', 'kernel.type=BilinearKernelConnector',
                   '--teacher-store', tmp_path / 'store', 'views=1')
    assert re.search(r'\n--mix-cc loss_weight=\d', text)
    assert [path.name for path in tmp_path.iterdir()] == ['store']


@pytest.mark.parametrize('ratio', ['0', '-1', 'nan', 'inf'])
def test_a_ratio_out_of_range(suggest, ratio, capfd):
    with pytest.raises(SystemExit, match='2'):
        suggest(RECIPE, f'--ratio={ratio}')
    assert '--ratio must be a positive number, but is' in capfd.readouterr(
    ).err


def test_a_work_dir_has_no_effect(suggest, tmp_path, capfd):
    with pytest.raises(SystemExit, match='2'):
        suggest(RECIPE, '--work-dir', tmp_path / 'out')
    assert '--work-dir has no effect' in capfd.readouterr().err


def test_iterations_out_of_range(suggest, capfd):
    with pytest.raises(SystemExit, match='2'):
        suggest(RECIPE, '--iterations', 0)
    assert '--iterations must be at least 1, but is 0' in capfd.readouterr(
    ).err


def test_a_recipe_shorter_than_the_iterations(suggest):
    with pytest.raises(ValueError, match=r'has \d+ iterations, fewer than'):
        suggest(RECIPE, '--iterations', 1000,
                options=['train_cfg.max_epochs=1'])


@pytest.mark.parametrize('ratios, message', [
    ({}, 'No ratio was measured for loss_cc'),
    ({'loss_cc': [1., 0., 0.]}, 'No β reaches the ratio'),
    ({'loss_cc': [1., math.inf, math.inf]}, 'median r of .* is infinite'),
])
def test_medians_without_a_suggestion(tool, ratios, message):
    with pytest.raises(ValueError, match=message):
        tool.medians(ratios, dict(loss_cc=100.))


def test_the_median_of_the_second_half(tool):
    assert tool.medians(dict(cc=[9., 9., 1., 2., 4.]), dict(cc=1.)) == {
        'cc': 2
    }


def test_a_ratio_that_no_beta_reaches(suggest, tmp_path):
    config = tmp_path / 'zero.py'
    config.write_text(f"""
_base_ = {str(RECIPE)!r}
zero = [dict(type='ZeroConnector'), dict(type='BilinearKernelConnector')]
model = dict(distiller=dict(connectors=dict(kernel_s=zero, kernel_t=zero)))
""")
    with pytest.raises(ValueError, match='No β reaches the ratio: .* is 0'):
        suggest(config)


def test_without_other_terms(suggest):
    with pytest.raises(ValueError, match='r = inf at β = 25 in the first'):
        suggest(
            RECIPE,
            options=[
                'model.student_loss_weight=0',
                'model.distiller.distill_losses.loss_kd.loss_weight=0'
            ])


def test_a_training_that_diverges(suggest):
    with pytest.raises(
            ValueError, match='training diverged: after|NaN in the correl'):
        suggest(RECIPE, options=['model.student_loss_weight=1e38'])


def test_a_beta_that_is_much_too_large(suggest):
    """The first iteration tells which β to start from."""
    with pytest.raises(
            ValueError, match=r'r = \S+ at β = 1e\+05 in the first iteration'
    ) as raised:
        suggest(RECIPE, options=[f'{LOSS}.loss_weight=1e5'])
    beta = re.search(r'loss_weight=(\S+) instead', str(raised.value))[1]
    assert 0.01 < float(beta) < 10


def test_a_recipe_without_cc():
    run = subprocess.run([sys.executable, TOOL, KD], capture_output=True,
                         text=True)
    assert run.returncode == 1
    assert re.search('suggest_beta: ValueError: .*kd_r18w16_r10w6_digits.py '
                     'has no CorrelationCongruenceLoss, .*--mix-cc',
                     run.stderr)
