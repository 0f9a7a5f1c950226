"""Functions give the same results for names and for classes as types."""
import copy
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.models import ResNet
from mmrazor.models import KLDivergence
from mmrazor.registry import MODELS
from new_style import write_new_style

import mmcckd.models
from mmcckd.config_files.cfg_path import expand_cfg_path
from mmcckd.config_files.overrides import override
from mmcckd.config_files.without_weights import without_weights
from mmcckd.datasets.imagenet_layout import check_imagenet_layout
from mmcckd.datasets.loaders import check_loader
from mmcckd.engine import build_runner
from mmcckd.engine.config_arguments import read_config
from mmcckd.engine.ratio_measurement import measure_ratios
from mmcckd.engine.tta import set_test_time_augmentation
from mmcckd.export.config_text import parse_config
from mmcckd.export.stored_config import check_stored_config
from mmcckd.export.student_config import student_config
from mmcckd.recipes import frozen_teacher, mix_cc, teacher_store
from mmcckd.studies.run_config import _has_cc
from mmcckd.superclasses.recorded_feature import recorded_module

ROOT = Path(__file__).parent.parent
CCKD = 'configs/cckd/r50_mbv2_in1k.py'
MARKET = 'configs/cckd/r50_mbv2_market1501.py'
DIGITS = 'configs/cckd/r18w16_r10w6_digits.py'
DKD = 'mmrazor::distill/mmcls/dkd/dkd_resnet34_resnet18_8xb32_in1k.py'


def snippet(name):
    page = (ROOT / 'docs/new_style.md').read_text()
    return re.search(rf'<!-- snippet: {name} -->\n```python\n(.*?)```', page,
                     re.DOTALL).group(1)


def without_scopes(config):
    """A config as plain dicts, with bare names as types."""
    if isinstance(config, (list, tuple)):
        return [without_scopes(part) for part in config]
    if not isinstance(config, dict):
        return config
    config = {name: without_scopes(part) for name, part in config.items()
              if name != '_scope_'}
    if isinstance(config.get('type'), str):
        config['type'] = re.sub('(Recorder|Init)$', '',
                                config['type'].rpartition('.')[2])
    return config


@pytest.fixture(scope='module')
def both(tmp_path_factory):
    """Read a recipe, and its new style, from a file; copies of both."""
    folder, known = tmp_path_factory.mktemp('new_style'), {}

    def read(name):
        if name not in known:
            path = name if '::' in name else str(ROOT / name)
            cfg = read_config(path)
            text, new = (folder / f'{style}_{Path(name).name}'
                         for style in ('text', 'new'))
            cfg.dump(text)
            write_new_style(cfg, new)
            known[name] = read_config(str(text)), read_config(str(new))
        return copy.deepcopy(known[name])

    return read


def test_the_new_style_recipe(toy_imagenet, tmp_path):
    """It builds the same runner as the text recipe, and trains the same."""
    built, weights = [], []
    for path in (ROOT / CCKD, ROOT / 'mmcckd' / CCKD):
        cfg = read_config(str(path))
        cfg.model.teacher_ckpt = None  # random weights
        cfg.train_cfg = dict(  # without validation
            type='IterBasedTrainLoop', max_iters=2, val_begin=3)
        cfg.param_scheduler.by_epoch = False
        cfg.work_dir, cfg.experiment_name = str(tmp_path), f'{path}'
        cfg.log_level = 'WARNING'
        for name in ('train', 'val', 'test'):
            loader = cfg[f'{name}_dataloader']
            loader.num_workers = 0
            loader.dataset.data_root = toy_imagenet
        cfg.train_dataloader.batch_size = 8
        cfg.train_dataloader.dataset.pipeline[1].scale = 32
        runner = build_runner(cfg)
        loops = runner.val_loop, runner.test_loop
        runner.train()
        built.append([
            repr(part) for part in (
                runner.model, runner.train_dataloader.dataset,
                runner.optim_wrapper, *(type(loop) for loop in loops),
                *(loop.dataloader.dataset for loop in loops),
                *(loop.dataloader.sampler.shuffle for loop in loops),
                *(loop.dataloader.collate_fn for loop in loops),
                *(loop.evaluator.metrics[0].topk for loop in loops),
                *map(type, runner.hooks), type(runner.visualizer),
                type(runner.train_dataloader.batch_sampler),
                runner.train_dataloader.batch_sampler.samples_per_group,
                *map(type, runner.param_schedulers))
        ])
        weights.append(runner.model.state_dict())
    assert built[0] == built[1]
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name


def test_variables_and_entries_of_the_new_style_recipe():
    path = str(ROOT / 'mmcckd' / CCKD)
    options = {'beta': 10.0, 'k': 2, 'train_pipeline.1.scale': 96,
               'optim_wrapper.optimizer.lr': 0.1}
    cfg = read_config(path, options)
    assert cfg.model.distiller.distill_losses.loss_cc.loss_weight == 10
    assert cfg.train_dataloader.batch_sampler.samples_per_class == 2
    assert cfg.optim_wrapper.optimizer.lr == 0.1
    assert cfg.optim_wrapper.optimizer.type is torch.optim.SGD
    assert cfg.train_dataloader.dataset.pipeline[1].scale == 96
    one, other = (
        without_scopes(each.to_dict())
        for each in (cfg, read_config(str(ROOT / CCKD), options)))
    for name in ('train_dataloader', 'optim_wrapper', 'param_scheduler'):
        assert one[name] == other[name]
    # The text recipe gives the networks by their config files.
    for name in ('distiller', 'student_loss_weight', 'teacher_ckpt'):
        assert one['model'][name] == other['model'][name]


def test_a_variable_with_classes(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text('from torch import nn\n'
                    'from nowhere import Missing  # not used\n'
                    'part = dict(type=nn.Sequential, norm=nn.LayerNorm, n=1)\n'
                    'model = dict(parts=[part, part])\n')
    cfg = read_config(str(path), {'part.n': 2})
    for part in cfg.model.parts:
        assert part == dict(
            type=torch.nn.Sequential, norm=torch.nn.LayerNorm, n=2)
    assert read_config(str(path), {'part.n': 1}).model.parts[0].n == 1
    with pytest.raises(ValueError, match='Did you mean model.parts.0.n or'):
        read_config(str(path), {'x.n': 2})


def test_a_config_that_inherits_the_new_style_recipe(tmp_path):
    path = tmp_path / 'own.py'
    path.write_text(snippet('inherit'))
    cfg = read_config(str(path), {'alpha': 0.5})
    assert cfg.model.distiller.distill_losses.loss_cc.loss_weight == 1e-5
    assert cfg.model.distiller.distill_losses.loss_kd.loss_weight == 0.5
    distiller = MODELS.build(cfg.model.distiller)
    assert {type(each) for name, each in distiller.connectors.items()
            if name != 'kernel_s'} == {mmcckd.models.BilinearKernelConnector}
    with pytest.raises(ValueError, match='Did you mean gamma'):
        read_config(str(path), {'gama': 3.0})


def test_the_recipe_of_the_documentation(tmp_path):
    path = tmp_path / 'kd_digits.py'
    path.write_text(snippet('kd_digits'))
    cfg = frozen_teacher(mix_cc(read_config(str(path)), loss_weight=25))
    cfg.model.teacher_ckpt = None
    cfg.work_dir, cfg.log_level = str(tmp_path), 'WARNING'
    cfg.train_cfg.max_epochs = cfg.param_scheduler.T_max = 1
    cfg.train_dataloader.dataset.samples_per_class = 4
    runner = build_runner(cfg)
    runner.train()
    assert runner.message_hub.get_scalar('train/distill.loss_cc').current() > 0


@pytest.mark.parametrize('recipe', [DIGITS, DKD])
def test_reading_what_was_written(recipe, both, tmp_path):
    text, new = both(recipe)
    new.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py')
    assert again.to_dict() == new.to_dict()
    assert without_scopes(again.to_dict()) == without_scopes(text.to_dict())


def test_writing_classes_that_were_set(both, tmp_path):
    _, cfg = both(DIGITS)
    cfg.model.distiller.distill_losses.loss_kd = dict(
        type=KLDivergence, tau=2)
    cfg.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py')
    loss = again.model.distiller.distill_losses.loss_kd
    assert loss.type == 'mmrazor.models.losses.kl_divergence.KLDivergence'
    assert type(MODELS.build(loss)) is KLDivergence


@pytest.mark.parametrize('change', [
    frozen_teacher,
    lambda cfg: mix_cc(cfg, data_idx=0),
    lambda cfg: frozen_teacher(mix_cc(cfg, source='backbone', sampler=None)),
    lambda cfg: teacher_store(frozen_teacher(cfg), 'store', dtype='float16')
], ids=['frozen', 'mix', 'both', 'store'])
def test_changed_recipes(change, both):
    text, new = map(change, both(DKD))
    assert without_scopes(new.to_dict()) == without_scopes(text.to_dict())
    with DefaultScope.overwrite_default_scope('mmpretrain'):  # of the run
        MODELS.build(without_weights(new.model))


def test_mixing_with_classes(both):
    text, new = both(DKD)
    classes = [
        mix_cc(
            cfg,
            kernel=dict(type=mmcckd.models.MMDKernelConnector),
            student_projection=dict(
                type=MODELS.get('TorchNNConnector'),
                module_name='Linear',
                module_args=dict(in_features=512, out_features=512)))
        for cfg in (text, new)
    ]
    distiller = classes[1].model.distiller
    assert distiller.distill_losses.loss_cc.loss_weight == 20  # of MMD
    assert without_scopes(classes[0].to_dict()) == without_scopes(
        classes[1].to_dict())


@pytest.mark.parametrize('source', ['neck', 'backbone', 'head.fc'])
def test_the_feature_module(source, both):
    for cfg in both(DIGITS):
        cfg.model.distiller.teacher_recorders.feature.source = source
        assert recorded_module(cfg)['module'] == source


@pytest.mark.parametrize('recipe', [CCKD, MARKET, DIGITS])
def test_the_config_of_the_student(recipe, both):
    text, new = both(recipe)
    expected = without_scopes(student_config(text).to_dict())
    exported = student_config(new)
    assert without_scopes(exported.to_dict()) == expected
    assert exported.model.type == 'ImageClassifier'
    # From a checkpoint, which has the text of the config of the run.
    cfg = student_config(parse_config(new.pretty_text))
    check_stored_config(cfg)
    assert cfg.to_dict() == exported.to_dict()


def test_a_checkpoint_must_not_import(both):
    _, cfg = both(DIGITS)
    cfg.model.architecture.type = 'subprocess.Popen'
    with pytest.raises(ValueError, match="has the type 'subprocess.Popen'"):
        check_stored_config(student_config(parse_config(cfg.pretty_text)))


def flexible(cfg, **strategy):
    cfg.runner_type = 'FlexibleRunner'
    cfg.strategy = dict(type='FSDPStrategy', **strategy)
    build_runner(cfg)


def build_distiller(cfg, **distiller):
    cfg.model.distiller.merge(distiller)
    cfg.model.teacher_ckpt = None
    MODELS.build(cfg.model)


def set_and_check_loader(cfg, name, **loader):
    cfg[name].update(loader)
    check_loader(cfg, name)


def without_pipeline(cfg):
    del cfg.test_dataloader.dataset['pipeline']
    set_test_time_augmentation(cfg)


def twice(cfg):
    cfg.train_dataloader.batch_sampler = cfg.train_dataloader.sampler
    mix_cc(cfg)


@pytest.mark.parametrize('recipe, call', [
    (DIGITS, lambda cfg: teacher_store(cfg, 'store', view=3)),
    (DIGITS, lambda cfg: override(cfg, {'beat': 1})),
    (DIGITS, lambda cfg: override(cfg, {'loss_weight': 1})),
    (DIGITS, lambda cfg: override(
        cfg, {'optim_wrapper.paramwise_cfg.custom': 1})),
    (DIGITS, lambda cfg: override(cfg, {'default_hooks.ema.momentum': 1})),
    (DIGITS, lambda cfg: build_distiller(
        cfg, loss_forward_mappings=dict(
            loss_cc=dict(preds_S=dict(recorder='none'))))),
    (DIGITS, lambda cfg: build_distiller(
        cfg, loss_forward_mappings=dict(loss_kd=dict(target=dict(
            from_student=True, recorder='fc'))))),
    (DIGITS, lambda cfg: build_distiller(
        cfg, student_recorders=dict(feature=dict(source='nec')))),
    (DKD, lambda cfg: teacher_store(cfg, 'store')),
    (DKD, twice),
    (DKD, lambda cfg: mix_cc(cfg, source='nec')),
    (DIGITS, mix_cc),
    (DKD, flexible),
    (DIGITS, without_pipeline),
    (MARKET, set_test_time_augmentation),
    (DIGITS, lambda cfg: set_and_check_loader(
        cfg, 'train_dataloader', drop_last=True)),
    (DIGITS, lambda cfg: set_and_check_loader(
        cfg, 'val_dataloader',
        batch_sampler=cfg.train_dataloader.batch_sampler)),
    (CCKD, lambda cfg: check_imagenet_layout(cfg.train_dataloader.dataset)),
])
def test_errors(recipe, call, both):
    messages = []
    for cfg in both(recipe):
        with pytest.raises((TypeError, ValueError)) as error:
            call(cfg)
        messages.append(str(error.value).replace(str(cfg.filename), 'FILE'))
    assert messages[0] == messages[1]
    assert '<class' not in messages[0]


def test_a_measurement_leaves_out_its_own_hooks(both, tmp_path):
    _, cfg = both(DIGITS)
    from mmcckd.engine import GradientRatioHook
    cfg.model.teacher_ckpt = None
    cfg.custom_hooks = [dict(type=GradientRatioHook, interval=5)]
    measured = measure_ratios(cfg, 1, lambda *_: None)
    assert len(measured.ratios['loss_cc']) >= 1


def test_a_network_of_a_new_style_file(both, tmp_path):
    text, new = both(DIGITS)
    path = tmp_path / 'network.py'
    path.write_text(
        'from mmpretrain.models import (\n'
        '    GlobalAveragePooling, ImageClassifier, ResNet)\n'
        'model = dict(type=ImageClassifier, '
        'backbone=dict(type=ResNet, depth=18),'
        ' neck=dict(type=GlobalAveragePooling))\n')
    network = dict(cfg_path=str(path), backbone=dict(depth=50))
    expanded = expand_cfg_path(network)
    assert expanded.backbone == dict(type=ResNet, depth=50)
    for cfg in (text, new):
        cfg.model.architecture = network
        built = MODELS.build(cfg.model.architecture)
        assert built.backbone.depth == 50
        exported = student_config(cfg)
        assert exported.model.backbone == dict(type='ResNet', depth=50)


def test_studies_find_the_cc_loss(both):
    assert all(map(_has_cc, both(DIGITS)))
    assert not any(map(_has_cc, both(DKD)))


def test_custom_imports_of_a_new_style_config(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'own_part.py').write_text('raise KeyError("imported")')
    path = tmp_path / 'own.py'
    path.write_text("from torch.optim import SGD\n"
                    "custom_imports = dict(imports=['own_part'])\n"
                    'optimizer = dict(type=SGD)\n')
    with pytest.raises(KeyError, match='imported'):
        Config.fromfile(path)
    cfg = Config.fromfile(path, import_custom_modules=False)
    assert cfg.optimizer.type is torch.optim.SGD
