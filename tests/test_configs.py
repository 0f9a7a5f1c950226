"""Every config is loaded, built, and trained for two iterations."""
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from mmpretrain.datasets import CIFAR10
from mmrazor.registry import MODELS
from torch import nn

from mmcckd.config_files.overrides import override
from mmcckd.superclasses import Superclasses, fingerprint_dataset

ROOT = Path(__file__).parent.parent
CONFIGS = sorted(
    path for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts)

PERSONS = dict(msmt17=1041, market1501=751)
# Where the networks for re-ID have their weights from.
IN1K = dict(
    mbv2='mobilenet_v2/mobilenet-v2_8xb32_in1k.py',
    r18='resnet/resnet18_8xb32_in1k.py',
    r50='resnet/resnet50_8xb32_in1k.py',
    r101='resnet/resnet101_8xb32_in1k.py')

# What makes a transformer take small images, or makes it fast.
TRANSFORMERS = dict(
    deit=dict(
        arch=dict(
            _delete_=True,
            embed_dims=768,
            num_layers=2,
            num_heads=12,
            feedforward_channels=3072)),
    swin=dict(pad_small_map=True))


def is_reid(path):
    return not PERSONS.keys().isdisjoint(path.stem.split('_'))


def is_of_letters(path):
    """Random batches are the default there."""
    return not {'letters', 'kanji', 'fashion'}.isdisjoint(
        path.stem.split('_'))


def networks(cfg):
    """The model, or the student and the teacher."""
    if 'distiller' in cfg.model:
        return [cfg.model.architecture, cfg.model.teacher]
    return [cfg.model]


@pytest.fixture
def load(request, tmp_path, monkeypatch):
    """A config, at a small size, on small data in the true layout."""

    def load(path):
        cfg = Config.fromfile(path)
        cfg.work_dir = str(tmp_path)
        cfg.experiment_name = tmp_path.name
        cfg.log_level = 'WARNING'
        cfg.train_dataloader.num_workers = 0
        dataset = cfg.train_dataloader.dataset
        if dataset.type == 'ImageNet':
            dataset.data_root = request.getfixturevalue('toy_imagenet')
            dataset.pipeline[1].scale = 32
            teacher = path.stem.removeprefix('kd_').partition('_')[0]
            if teacher in TRANSFORMERS:
                cfg.model.teacher.backbone = TRANSFORMERS[teacher]
            cfg.train_dataloader.batch_size = 8
        elif dataset.type == 'LocalCIFAR100':
            dataset.data_root = request.getfixturevalue('toy_cifar100')
            cfg.train_dataloader.batch_size = 16
        elif dataset.type == 'Letters':
            dataset.data_root = request.getfixturevalue('toy_letters')
            cfg.train_dataloader.batch_size = 16
        elif dataset.type == 'LocalFashionMNIST':
            dataset.data_root = request.getfixturevalue('toy_fashion_mnist')
            cfg.train_dataloader.batch_size = 16
        elif dataset.type == 'CRDDataset':
            dataset.dataset.data_prefix = request.getfixturevalue(
                'toy_cifar10')
            # MMPretrain downloads what has not the published checksums.
            monkeypatch.setattr(CIFAR10, '_check_integrity', lambda _: True)
            cfg.train_dataloader.batch_size = 16
        elif dataset.type in ('MSMT17', 'Market1501'):
            dataset.data_root = request.getfixturevalue(
                f'toy_{dataset.type.lower()}')
            for transform in dataset.pipeline:
                if transform.type == 'Resize':
                    transform.scale = (32, 64)  # width, height
                elif transform.type == 'RandomCrop':
                    transform.crop_size = (64, 32)
            cfg.train_dataloader.batch_size = 8
            for network in networks(cfg):
                network.backbone.init_cfg = None  # no download
        cfg.train_dataloader.persistent_workers = False
        return cfg

    return load


def save_superclasses(dataset, path):
    dataset = DATASETS.build(dataset)
    labels = np.array(dataset.get_gt_labels()) % 20
    Superclasses(labels, np.zeros((20, 2)),
                 dict(dataset=fingerprint_dataset(dataset))).save(path)


def test_there_are_configs_with_names_of_their_own():
    names = [path.name for path in CONFIGS]
    assert len(names) >= 62
    assert len(set(names)) == len(names)  # MIM looks them up by name


@pytest.mark.parametrize(
    'path', CONFIGS, ids=lambda path: str(path.relative_to(ROOT / 'configs')))
def test_trains_two_iterations(path, load, tmp_path):
    cfg = load(path)
    distils = 'distiller' in cfg.model
    if distils:
        cfg.model.teacher_ckpt = None
        cfg.model.teacher.pop('pretrained', None)  # no download
    if path.stem.endswith('_sur'):
        made = str(tmp_path / 'superclasses.npz')
        save_superclasses(cfg.train_dataloader.dataset, made)
        cfg.train_dataloader.batch_sampler.superclasses = made
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    parameters = {
        name: p for name, p in runner.model.named_parameters()
        if not name.startswith('teacher.')  # of SingleTeacherDistill
    }
    before = [p.clone() for p in parameters.values()]
    runner.train()
    assert runner.iter == 2

    frozen = {name for name, p in parameters.items() if not p.requires_grad}
    assert frozen == {
        name for name in parameters if name.endswith('bnneck.bias')
    }
    still = {
        name for name, a in zip(parameters, before)
        if torch.equal(a, parameters[name])
    }
    assert still == frozen
    scalars = runner.message_hub.log_scalars
    losses = {
        name[6:]: scalars[name].current()
        for name in scalars if 'loss' in name
    }
    own = {'loss_id', 'loss_triplet'} if is_reid(path) else {'loss'}
    expected = {'loss'}
    if distils:
        expected |= {f'student.{name}' for name in own}
        distilled = cfg.model.distiller.distill_losses
        expected |= {f'distill.{name}' for name in distilled}
        if path.parent.name in ('baseline', 'cckd'):
            assert ('loss_kd' in distilled) == ('_labels' not in path.stem)
        assert ('loss_cc' in distilled) == (
            path.parent.name in ('cckd', 'mix'))
    else:
        expected |= own
    parts = [value for name, value in losses.items() if name != 'loss']
    if parts:
        assert losses['loss'] == pytest.approx(sum(parts), rel=1e-5)
    assert set(losses) == expected
    assert all(value > 0 for value in losses.values())


# Those of mix/ are MMRazor's but for CC; tests/recipes compares them.
DISTILLATIONS = [
    path for path in CONFIGS if path.parent.name != 'mix'
    and 'distiller' in Config.fromfile(path).model
]
CCKD = [path for path in CONFIGS if path.parent.name == 'cckd']
# The variants of a recipe, by what follows its data set's name.
VARIANTS = [
    path for path in CCKD
    if path.stem.split('_')[-1] in ('ur', 'cur', 'sur', 'bilinear', 'mmd')
]
# Those with other losses or another task have tests of their own.
OTHERS = [path for path in CCKD
          if {'labels', 'retrieval'} & set(path.stem.split('_'))]
RECIPES = [path for path in CCKD if path not in VARIANTS + OTHERS]


def name_of(path):
    return path.stem


@pytest.mark.parametrize('path', CCKD, ids=name_of)
def test_the_top_of_a_recipe_is_what_is_built(path):
    """α, β, τ, γ, P and k are set in the right places."""
    cfg = Config.fromfile(path)
    distiller = cfg.model.distiller
    assert cfg.model.student_loss_weight == cfg.alpha
    if '_labels' not in path.stem:
        assert distiller.distill_losses.loss_kd == dict(
            type='KLDivergence', tau=cfg.tau, loss_weight=1 - cfg.alpha)
    assert distiller.distill_losses.loss_cc == dict(
        type='CorrelationCongruenceLoss', loss_weight=cfg.beta)
    kernel_s = distiller.connectors.kernel_s
    if isinstance(kernel_s, list):
        projection, kernel_s = kernel_s
        assert projection.type == 'TorchNNConnector'
    assert kernel_s == distiller.connectors.kernel_t == cfg.kernel
    sampler = cfg.train_dataloader.get('batch_sampler')
    if sampler is not None:
        assert cfg.k == sampler.get('samples_per_class',
                                    sampler.get('samples_per_superclass'))
    if path in RECIPES:
        assert cfg.kernel == dict(
            type='GaussianRBFKernelConnector',
            gamma=cfg.gamma,
            order=cfg.order,
            **(dict() if 'digits' in path.stem else dict(gather=True)))
        by_class = not is_of_letters(path)
        assert (sampler is not None) == by_class
        assert not by_class or sampler.type == 'CURSampler'


@pytest.mark.parametrize('path', RECIPES, ids=name_of)
def test_a_projection_is_there_where_widths_differ(path):
    cfg = Config.fromfile(path)
    student, teacher = (
        next(layer.in_features
             for layer in MODELS.build(network).head.modules()
             if isinstance(layer, nn.Linear)) for network in networks(cfg))
    kernel_s = cfg.model.distiller.connectors.kernel_s
    assert isinstance(kernel_s, list) == (student != teacher)
    if student != teacher:
        arguments = kernel_s[0].module_args
        assert arguments.pop('bias', True) == (not is_of_letters(path))
        assert arguments == dict(in_features=student, out_features=teacher)


@pytest.mark.parametrize('path', RECIPES, ids=name_of)
def test_baseline_and_cckd_differ_in_cc_and_sampler_alone(path):
    kd = Config.fromfile(ROOT / f'configs/baseline/kd_{path.name}')
    cckd = Config.fromfile(path)
    if not is_reid(path):  # the triplet loss needs CUR anyway
        cckd.train_dataloader.pop('batch_sampler', None)
    for name in ('student_recorders', 'teacher_recorders'):
        del cckd.model.distiller[name]['feature']
    del cckd.model.distiller['connectors']
    for name in ('distill_losses', 'loss_forward_mappings'):
        del cckd.model.distiller[name]['loss_cc']
    for name in ('model', 'train_dataloader', 'val_dataloader',
                 'test_dataloader', 'train_cfg', 'val_cfg', 'optim_wrapper',
                 'param_scheduler'):
        assert kd[name] == cckd[name], name


@pytest.mark.parametrize('path', VARIANTS, ids=name_of)
def test_variants_differ_in_what_their_name_says(path):
    name, what = path.stem.rsplit('_', 1)
    variant = Config.fromfile(path)
    recipe = Config.fromfile(path.with_name(f'{name}.py'))
    for cfg in (variant, recipe):
        if what in ('ur', 'cur', 'sur'):
            cfg.train_dataloader.pop('batch_sampler', None)
            cfg.pop('k', None)
        else:
            for key in ('beta', 'kernel'):
                cfg.pop(key)
            cfg.model.distiller.distill_losses.loss_cc.pop('loss_weight')
            connectors = cfg.model.distiller.connectors
            connectors.kernel_s = connectors.kernel_s[:-1]
            connectors.pop('kernel_t')
    assert variant.to_dict() == recipe.to_dict()


@pytest.mark.parametrize('kernel', ['bilinear', 'mmd'])
def test_an_override_of_a_kernel_reaches_both_sides(kernel):
    path = ROOT / f'configs/cckd/r50_mbv2_in1k_{kernel}.py'
    cfg = override(Config.fromfile(path), {'kernel.gather': False})
    connectors = cfg.model.distiller.connectors
    assert connectors.kernel_s[1] == connectors.kernel_t == cfg.kernel
    assert cfg.kernel.gather is False


@pytest.mark.parametrize('path', DISTILLATIONS, ids=name_of)
def test_a_recipe_finds_its_teacher(path):
    """Where training leaves it, or where MMPretrain publishes it."""
    cfg = Config.fromfile(path)
    if cfg.model.teacher_ckpt.startswith('https://'):
        published = get_config(cfg.model.teacher.cfg_path, pretrained=True)
        assert cfg.model.teacher_ckpt == published.model_path
        return
    _, name, file = cfg.model.teacher_ckpt.split('/')
    teacher = Config.fromfile(ROOT / f'configs/baseline/{name}.py')
    loop = teacher.train_cfg
    assert file == (f'epoch_{loop.max_epochs}.pth' if loop.by_epoch else
                    f'iter_{loop.max_iters}.pth')
    assert teacher.model == cfg.model.teacher


def last_scheduler(cfg):
    """After a warm-up, if there is one."""
    schedulers = cfg.param_scheduler
    return schedulers[-1] if isinstance(schedulers, list) else schedulers


@pytest.mark.parametrize('path', DISTILLATIONS, ids=name_of)
def test_the_schedule_is_that_of_the_student_alone(path):
    cfg = Config.fromfile(path)
    student = cfg.model.architecture
    if 'cfg_path' in student:
        alone = get_config(student.cfg_path)
    else:
        name = path.stem.removeprefix('kd_').split('_')[1]
        data = path.stem.removeprefix('kd_').split('_')[2]
        alone = Config.fromfile(ROOT / f'configs/baseline/{name}_{data}.py')
        assert alone.model == student

    def bare(config):  # MMEngine notes the scope where a config crossed one
        return json.loads(json.dumps(config).replace(
            '"_scope_": "mmpretrain"', '"_": 0').replace('"_": 0, ', '')
            .replace(', "_": 0', ''))

    if cfg.train_cfg.by_epoch and 'digits' not in path.stem:
        # Also that of a run which was first shorter.
        assert last_scheduler(cfg).end == cfg.train_cfg.max_epochs
        last_scheduler(alone).end = alone.train_cfg.max_epochs
    if path.stem.endswith('_repdistiller'):  # it diverges with a larger one
        ours, theirs = (c.optim_wrapper.optimizer for c in (cfg, alone))
        assert ours.lr < theirs.lr
        theirs.lr = ours.lr
    for name in ('train_cfg', 'optim_wrapper', 'param_scheduler',
                 'auto_scale_lr'):
        assert bare(cfg[name]) == bare(alone[name]), name


@pytest.mark.parametrize(
    'path', [path for path in CONFIGS if path.stem.endswith('_retrieval')],
    ids=name_of)
def test_retrieval_recipes_train_as_those_for_recognition(path):
    cfg = Config.fromfile(path)
    recipe = Config.fromfile(
        path.with_stem(path.stem.removesuffix('_retrieval')))
    for part in ('val', 'test'):
        assert recipe.pop(f'{part}_evaluator').type == 'Accuracy'
        assert cfg.pop(f'{part}_evaluator') == dict(type='ReIDMetric')
        loaders = [c.pop(f'{part}_dataloader') for c in (recipe, cfg)]
        assert 'task' not in loaders[0].dataset
        assert loaders[1].dataset.pop('task') == 'retrieval'
        assert loaders[0] == loaders[1]
    assert cfg.to_dict() == recipe.to_dict()


@pytest.mark.parametrize('name', ['r14w16_r8w8_letters', 'r14w24_r8w8_kanji'])
def test_recipes_without_logits(name):
    """Only what the logits needed is missing."""
    name = f'configs/cckd/{name}'
    recipe, labels = (
        Config.fromfile(ROOT / f'{name}{suffix}.py').model
        for suffix in ('', '_labels'))
    assert labels.student_loss_weight == 1
    for side in ('student', 'teacher'):
        recipe.distiller[f'{side}_recorders'].pop('fc')
    for part in ('distill_losses', 'loss_forward_mappings'):
        recipe.distiller[part].pop('loss_kd')
    recipe.student_loss_weight = 1
    # β has a value of its own; see docs/beta.md.
    for model in (recipe, labels):
        del model.distiller.distill_losses.loss_cc['loss_weight']
    assert recipe == labels


def test_sur_variants_find_their_superclasses():
    """Beside the teacher, or where clustering the recipe puts them."""
    for path in CCKD:
        if path.stem.endswith('_sur'):
            cfg = Config.fromfile(path)
            made = Path(cfg.train_dataloader.batch_sampler.superclasses)
            teacher = cfg.model.teacher_ckpt
            if teacher.startswith('https://'):
                folder = Path('work_dirs') / path.stem.removesuffix('_sur')
            else:
                folder = Path(teacher).parent
            assert made == folder / 'superclasses.npz'


@pytest.mark.parametrize('path', filter(is_reid, CONFIGS), ids=name_of)
def test_a_reid_network(path):
    """Its persons are those of the data set, and its weights ImageNet's."""
    *names, data = path.stem.removeprefix('kd_').removesuffix('_sur').split(
        '_')
    cfg = Config.fromfile(path)
    for name, network in zip(names[::-1], networks(cfg), strict=True):
        assert network.head.num_classes == PERSONS[data]
        init = network.backbone.init_cfg
        published = get_config(f'mmpretrain::{IN1K[name]}', pretrained=True)
        assert (init.type, init.prefix) == ('Pretrained', 'backbone')
        assert init.checkpoint == published.model_path
        in1k = published.model.backbone
        assert network.backbone.type == in1k.type
        if in1k.type == 'ResNet':
            assert network.backbone.depth == in1k.depth
            assert network.backbone.strides == (1, 2, 2, 1)
    sampler = cfg.train_dataloader.batch_sampler
    if not path.stem.endswith('_sur'):  # for the triplet loss
        assert sampler == dict(type='CURSampler', samples_per_class=4)


MARKET1501 = [path for path in CONFIGS if 'market1501' in path.stem]


@pytest.mark.parametrize('path', MARKET1501, ids=name_of)
def test_recipes_of_market1501_have_its_networks_and_data(path):
    """Some inherit from MSMT17's, and so do not take them from _base_."""
    cfg = Config.fromfile(path).to_dict()
    for base in ('models/reid_market1501', 'datasets/market1501_bs64'):
        expected = Config.fromfile(ROOT / f'configs/_base_/{base}.py')
        for name, value in expected.to_dict().items():
            assert cfg[name] == value, name


def test_a_teacher_of_other_persons(tmp_path):
    """The recipe in docs/reid.md: CC alone, from a teacher of MSMT17."""
    text = (ROOT / 'docs/reid.md').read_text()
    recipe = re.search(
        r'<!-- snippet: other persons -->\n```python\n(.*?)```', text,
        re.DOTALL).group(1)
    path = tmp_path / 'recipe.py'
    path.write_text(recipe.replace("'./", f"'{ROOT}/configs/cckd/"))
    cfg = Config.fromfile(path)
    assert cfg.model.distiller.distill_losses.loss_cc.loss_weight == cfg.beta
    _, name, _ = cfg.model.teacher_ckpt.split('/')
    teacher = Config.fromfile(ROOT / f'configs/baseline/{name}.py')
    assert cfg.model.teacher == teacher.model
    cfg.model.teacher_ckpt = None
    distiller = MODELS.build(cfg.model).distiller
    assert set(distiller.distill_losses) == {'loss_cc'}
    assert set(distiller.loss_forward_mappings) == {'loss_cc'}
