"""--cfg-options take effect, or are refused."""
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmcckd.config_files.comparison import differences, without
from mmcckd.config_files.evaluation import evaluate
from mmcckd.config_files.known_keys import KEYS
from mmcckd.config_files.overrides import override
from mmcckd.engine.config_arguments import read_config

ROOT = Path(__file__).parent.parent.parent
RECIPES = sorted(
    path for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts)
DIGITS = str(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
LOSSES = 'model.distiller.distill_losses'


def another(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + ('x' if isinstance(value, str) else 1)


@pytest.mark.parametrize(
    'path', RECIPES, ids=lambda path: str(path.relative_to(ROOT / 'configs')))
def test_every_variable_of_every_recipe(path):
    evaluation = evaluate(str(path))
    cfg = evaluation.cfg
    for name in set(evaluation.assigned[str(path)]) - KEYS:
        value = cfg[name]
        if isinstance(value, (bool, int, float, str)):
            changed = override(cfg, {name: another(value)})
            keys = differences(
                without(cfg.to_dict(), name),
                without(changed.to_dict(), name))
            assert keys and 'model' not in keys, name


@pytest.mark.parametrize('name, value, keys', [
    ('alpha', 0.3, {'model.student_loss_weight': 0.3,
                    f'{LOSSES}.loss_kd.loss_weight': 0.7}),
    ('tau', 2.0, {f'{LOSSES}.loss_kd.tau': 2.0}),
    ('beta', 10, {f'{LOSSES}.loss_cc.loss_weight': 10}),
    ('gamma', 0.1, {
        'kernel.gamma': 0.1,
        'model.distiller.connectors.kernel_s.1.gamma': 0.1,
        'model.distiller.connectors.kernel_t.gamma': 0.1}),
    ('order', None, {
        'kernel.order': None,
        'model.distiller.connectors.kernel_s.1.order': None,
        'model.distiller.connectors.kernel_t.order': None}),
    ('k', 2, {'train_dataloader.batch_sampler.samples_per_class': 2}),
    ('kernel.gather', True, {
        'model.distiller.connectors.kernel_s.1.gather': True,
        'model.distiller.connectors.kernel_t.gather': True}),
    ('projection.module_args.bias', False, {
        'model.distiller.connectors.kernel_s.0.module_args.bias': False}),
    ('train_pipeline.0.padding', 2, {
        'train_dataloader.dataset.pipeline.0.padding': 2}),
    ('dataset_type', 'Mine', {
        f'{split}_dataloader.dataset.type': 'Mine'
        for split in ('train', 'val', 'test')}),
])
def test_what_a_variable_of_the_digits_changes(name, value, keys):
    plain = Config.fromfile(DIGITS).to_dict()
    cfg = read_config(DIGITS, {name: value})
    variable = name.partition('.')[0]
    assert set(
        differences(without(plain, variable),
                    without(cfg.to_dict(), variable))) == set(keys)
    for key, expected in {name: value, **keys}.items():
        found = cfg
        for part in key.split('.'):
            found = found[int(part) if part.isdigit() else part]
        assert found == expected, key


def test_in_all_files_of_a_recipe():
    """SUR's file reads k of the file under it."""
    cfg = read_config(
        str(ROOT / 'configs/cckd/r18w16_r10w6_digits_sur.py'), dict(k=2))
    assert cfg.train_dataloader.batch_sampler.samples_per_superclass == 2


def test_several_at_once():
    cfg = read_config(DIGITS, {
        'kernel.gather': True, 'gamma': 0.1, 'beta': 5.0,
        'optim_wrapper.optimizer.lr': 0.1})
    kernel = dict(type='GaussianRBFKernelConnector', gamma=0.1, order=2,
                  gather=True)
    assert cfg.kernel == kernel
    assert cfg.model.distiller.connectors.kernel_t == kernel
    assert cfg.model.distiller.distill_losses.loss_cc.loss_weight == 5.0
    assert cfg.optim_wrapper.optimizer.lr == 0.1


def test_variables_that_matter_together(tmp_path):
    path = tmp_path / 'recipe.py'
    path.write_text('use = False\nweight = 1.0\nother = 0\n'
                    'model = dict(weight=weight if use else 0.0)\n')
    cfg = read_config(str(path), dict(use=True, weight=2.0))
    assert cfg.model.weight == 2.0
    with pytest.raises(ValueError, match='^weight=2.0 would change nothing'):
        read_config(str(path), dict(weight=2.0))


def test_a_key_prevails_over_a_variable():
    cfg = read_config(DIGITS, {
        f'{LOSSES}.loss_cc.loss_weight': 5.0, 'beta': 7.0})
    assert cfg.beta == 7.0
    assert cfg.model.distiller.distill_losses.loss_cc.loss_weight == 5.0


def test_keys_of_the_runner_are_merged_as_by_mmengine():
    options = {
        'val_dataloader.batch_size': 8, 'model.teacher_ckpt': None,
        'custom_hooks': [dict(type='EMAHook')], 'load_from': 'x.pth',
        'find_unused_parameters': True, 'sync_bn': 'torch',
        'auto_scale_lr._delete_': True}
    expected = Config.fromfile(DIGITS)
    expected.merge_from_dict(options)
    cfg = read_config(DIGITS, options)
    assert cfg.to_dict() == expected.to_dict()
    assert cfg.test_dataloader.batch_size != 8
    assert cfg.filename == expected.filename


def test_pipelines_pad_with_the_mean_of_the_data_preprocessor():
    path = ('mmpretrain::_base_/datasets/imagenet_bs64_swin_224.py')
    cfg = read_config(path, {'data_preprocessor.mean': [1, 2, 3]})
    assert cfg.data_preprocessor.mean == [1, 2, 3]
    assert cfg.bgr_mean == [3, 2, 1]
    pads = [part.hparams.pad_val for part in cfg.train_dataloader.dataset
            .pipeline if part.type == 'RandAugment']
    assert pads == [[3, 2, 1]]


def dumped(tmp_path):
    path = tmp_path / 'dumped.py'
    Config.fromfile(DIGITS).dump(path)
    return str(path)


@pytest.mark.parametrize('options, meant', [
    (dict(beta=10), f'{LOSSES}.loss_cc.loss_weight'),
    (dict(alpha=0.5), f'model.student_loss_weight or {LOSSES}.loss_kd.'
     'loss_weight'),
    (dict(k=2), 'train_dataloader.batch_sampler.samples_per_class'),
    (dict(gamma=1.0), 'model.distiller.connectors.kernel_s.1.gamma or '
     'model.distiller.connectors.kernel_t.gamma'),
    ({'train_pipeline.0.padding': 2},
     'train_dataloader.dataset.pipeline.0.padding'),
])
def test_in_a_dumped_config_nothing_reads_the_variables(
        options, meant, tmp_path):
    path = dumped(tmp_path)
    key, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=re.escape(
            f'{key}={value!r} would change nothing: no other entry of {path} '
            f'depends on {key.split(".")[0]}. If your own code reads '
            f'runner.cfg.{key.split(".")[0]}, set it in the config file. Did '
            f'you mean {meant}?')):
        read_config(path, options)
    same = {key: Config.fromfile(path)[key]} if '.' not in key else {}
    read_config(path, same)  # as it is anyway


@pytest.mark.parametrize('options, message', [
    (dict(bata=1), 'has no bata. Did you mean beta?'),
    (dict(lr=0.1), 'has no lr. Did you mean optim_wrapper.optimizer.lr?'),
    (dict(max_epochs=1), 'Did you mean train_cfg.max_epochs?'),
    ({'train_dataloder.batch_size': 1},
     'Did you mean train_dataloader.batch_size?'),
    ({'env_cfg.cudnn_benchmrk': True}, 'env_cfg.cudnn_benchmrk would change '
     'nothing: the keys of env_cfg are cudnn_benchmark,'),
    ({'env_cfg.mp_cfg.method': 'fork'}, 'mp_start_method, opencv_num_threads'),
    ({'auto_scale_lr.enabled': True}, 'are base_batch_size, enable.'),
    ({'optim_wrapper.paramwise_cfg.norm_decay': 0}, 'norm_decay_mult'),
    ({'default_hooks.chekpoint.interval': 5},
     'default_hooks.chekpoint has no type. The hooks of'),
    (dict(launcher='pytorch'), 'Did you mean --launcher?'),
    (dict(order='x', alpha='y'), "cannot be evaluated with alpha='y': "
     'TypeError'),
])
def test_what_nothing_reads(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_config(DIGITS, options)


def test_the_data_preprocessor_of_the_model_is_the_one_that_is_read(tmp_path):
    path = tmp_path / 'recipe.py'
    path.write_text(
        f'_base_ = {DIGITS!r}\nmodel = dict(data_preprocessor=dict('
        'type="mmpretrain.ClsDataPreprocessor", mean=[0], std=[1]))\n')
    with pytest.raises(ValueError, match=re.escape(
            'Did you mean model.data_preprocessor.mean?')):
        read_config(str(path), {'data_preprocessor.mean': [1]})


def test_another_constructor_has_a_paramwise_cfg_of_its_own():
    key = 'optim_wrapper.paramwise_cfg.layer_decay_rate'
    cfg = read_config(DIGITS, {
        'optim_wrapper.constructor':
        'mmpretrain.LearningRateDecayOptimWrapperConstructor', key: 0.5})
    assert cfg.optim_wrapper.paramwise_cfg.layer_decay_rate == 0.5


def test_a_config_in_yaml(tmp_path):
    path = tmp_path / 'recipe.yml'
    path.write_text('beta: 1.0\nmodel: {weight: 1.0}\n')
    assert read_config(str(path), {'model.weight': 2}).model.weight == 2
    with pytest.raises(ValueError, match='Did you mean model.weight?'):
        read_config(str(path), dict(beta=2.0))


def test_a_config_that_imports_its_bases(tmp_path):
    """MMEngine's newer style."""
    (tmp_path / '__init__.py').write_text('')
    (tmp_path / 'base.py').write_text(
        'from mmengine.model import BaseModel\n'
        'beta = 1.0\nmodel = dict(type=BaseModel, weight=beta)\n')
    path = tmp_path / 'recipe.py'
    path.write_text('from mmengine.config import read_base\n'
                    'with read_base():\n    from .base import *\n'
                    'tau = 2.0\nmodel.update(dict(tau=tau))\n')
    cfg = read_config(str(path), dict(beta=3.0, tau=4.0))
    assert (cfg.model.weight, cfg.model.tau) == (3.0, 4.0)


def test_modules_of_overridden_imports_are_imported(tmp_path, monkeypatch):
    (tmp_path / 'my_components.py').write_text('raise RuntimeError("read")')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RuntimeError, match='read'):
        read_config(DIGITS, {'custom_imports.imports': ['my_components']})


def test_loops_conditions_and_functions(tmp_path):
    path = tmp_path / 'recipe.py'
    path.write_text(
        'for size in (1, 2):\n    pass\n'
        'if size:\n    width, depth = 3, 4\n'
        'total: int = 1\ntotal += size\n'
        'def double(size):\n    depth = 2 * size\n    return depth\n'
        'model = dict(a=double(size), b=[width, depth], c=total)\n')
    assert read_config(str(path), dict(size=5)).model == dict(
        a=10, b=[3, 4], c=6)
    assert read_config(str(path), dict(depth=5, total=9)).model == dict(
        a=4, b=[3, 5], c=9)
    inf = float('inf')
    assert read_config(str(path), dict(width=inf)).model.b == [inf, 4]
