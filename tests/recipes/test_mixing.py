"""CC in recipes that did not have it: MMRazor's and this repository's."""
import copy
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmrazor.registry import MODELS

from mmcckd.engine.config_arguments import read_config
from mmcckd.functional import gaussian_rbf
from mmcckd.recipes import mix_cc

ROOT = Path(__file__).parent.parent.parent
MMRAZOR = 'mmrazor::distill/mmcls/'
RKD = MMRAZOR + 'rkd/rkd_neck_resnet34_resnet18_8xb32_in1k.py'
DFAD = MMRAZOR + 'dfad/dfad_logits_resnet34_resnet18_8xb32_cifar10.py'
PARTS = ('student_recorders', 'teacher_recorders', 'connectors',
         'distill_losses', 'loss_forward_mappings')


@pytest.fixture
def digits():
    """KD of a network with features 12 wide from one with 128."""
    return Config.fromfile(ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py')


@pytest.fixture(scope='module')
def rkd():
    return read_config(RKD)


@pytest.mark.parametrize('recipe', [RKD, 'digits'])
def test_nothing_is_lost(recipe, request, tmp_path):
    cfg = (request.getfixturevalue(recipe)
           if recipe == 'digits' else read_config(recipe))
    given = copy.deepcopy(cfg.to_dict())
    mixed = mix_cc(cfg)
    assert cfg.to_dict() == given
    for part in PARTS:
        was, now = (c.model.distiller.get(part) or {} for c in (cfg, mixed))
        assert {name: now[name] for name in was} == was
        assert set(now) - set(was) == {
            'connectors': {'cc_kernel_s', 'cc_kernel_t'},
            'distill_losses': {'loss_cc'},
            'loss_forward_mappings': {'loss_cc'}
        }.get(part, {'cc_feature'})
    for name in set(cfg) - {'model', 'train_dataloader', 'custom_imports'}:
        assert mixed[name] == cfg[name]
    assert mixed.filename == cfg.filename

    mixed.dump(tmp_path / 'dumped.py')
    assert Config.fromfile(tmp_path / 'dumped.py').to_dict() == mixed.to_dict()


def without_scopes(config):
    """MMEngine records the scope of entries from another package."""
    if isinstance(config, dict):
        return {name: without_scopes(value) for name, value in config.items()
                if name != '_scope_'}
    if isinstance(config, (list, tuple)):
        return list(map(without_scopes, config))
    return config


@pytest.mark.parametrize(
    'path', sorted((ROOT / 'configs/mix').glob('*.py')),
    ids=lambda path: path.stem)
def test_configs_of_mix_say_the_same(path):
    base = re.search(r'_base_ = \[(.*?),\n', path.read_text(), re.DOTALL)
    recipe = read_config(''.join(re.findall("'(.*)'", base.group(1))))
    written = Config.fromfile(path)
    assert set(written) - set(recipe) <= {
        'custom_imports', 'beta', 'k', 'kernel', 'projection', 'cc_distiller',
        'cc_dataloader'
    }
    mixed = mix_cc(
        recipe,
        kernel=written.kernel,
        loss_weight=written.beta,
        samples_per_class=written.k,
        # the first flattens, as mix_cc sees to
        student_projection=written.get('projection', [None])[1:] or None)
    for name in recipe:
        assert without_scopes(mixed[name]) == without_scopes(
            written[name]), name
    assert mixed.custom_imports == written.custom_imports


def test_the_weight_is_that_of_the_recipes(digits):
    def weight(**arguments):
        mixed = mix_cc(digits, **arguments)
        return mixed.model.distiller.distill_losses.loss_cc.loss_weight

    cckd = ROOT / 'configs/cckd'
    assert weight() == Config.fromfile(cckd / 'r50_mbv2_in1k.py').beta
    for name in ('MMD', 'Bilinear'):
        recipe = Config.fromfile(cckd / f'r50_mbv2_in1k_{name.lower()}.py')
        kernel = dict(type=f'mmrazor.{name}KernelConnector')
        assert weight(kernel=kernel) == recipe.beta
        assert weight(kernel=kernel, loss_weight=0) == 0


def test_a_recorder_of_the_source_is_reused(rkd):
    distiller = mix_cc(rkd, source='neck.gap').model.distiller
    for side in ('student', 'teacher'):
        assert distiller[f'{side}_recorders'] == dict(
            feat=dict(type='ModuleOutputs', source='neck.gap'))
    mapping = distiller.loss_forward_mappings.loss_cc
    assert [record.recorder for record in mapping.values()] == ['feat'] * 2


def test_sources_of_the_sides(rkd):
    distiller = mix_cc(
        rkd, source=dict(student='neck', teacher='neck.gap')).model.distiller
    assert distiller.student_recorders.cc_feature.source == 'neck'
    assert 'cc_feature' not in distiller.teacher_recorders
    mapping = distiller.loss_forward_mappings.loss_cc
    assert mapping.preds_S.recorder == 'cc_feature'
    assert mapping.preds_T.recorder == 'feat'


def losses_of(cfg):
    cfg.model.teacher_ckpt = None
    algorithm = MODELS.build(cfg.model)
    algorithm.train()
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    data = algorithm.data_preprocessor(next(iter(loader)), True)
    return algorithm, algorithm(**data, mode='loss')


@pytest.mark.parametrize('source', ['neck', 'neck.gap', 'backbone.layer2'])
@pytest.mark.parametrize('projects', [False, True])
def test_cc_alone_reaches_the_student(source, projects, digits):
    """From a neck's tuple, and from maps of 1 x 1 and 4 x 4."""
    digits.train_dataloader.num_workers = 0
    digits.train_dataloader.persistent_workers = False
    if source == 'backbone.layer2':
        widths = None if not projects else (12 * 16, 64)
    else:
        widths = (12, 128)
    projection = projects and dict(
        type='TorchNNConnector',
        module_name='Linear',
        module_args=dict(in_features=widths[0], out_features=widths[1]))
    algorithm, losses = losses_of(
        mix_cc(digits, source=source, student_projection=projection or None))
    assert set(losses) == {
        'student.loss', 'distill.loss_kd', 'distill.loss_cc'
    }
    assert 0 < losses['distill.loss_cc'] < float('inf')
    losses['distill.loss_cc'].backward()
    gradient = algorithm.student.backbone.conv1.weight.grad
    assert gradient.isfinite().all() and gradient.abs().max() > 0
    assert algorithm.student.head.fc.weight.grad is None  # downstream
    assert all(p.grad is None for p in algorithm.teacher.parameters())


def test_one_of_several_outputs(digits):
    digits.train_dataloader.num_workers = 0
    digits.train_dataloader.persistent_workers = False
    digits.model.architecture.backbone.out_indices = (0, 1)
    for stage in (0, 1):
        mixed = mix_cc(
            digits, source='backbone', data_idx=dict(student=stage))
        algorithm, losses = losses_of(mixed)
        student, teacher = (
            recorders.get_recorder('cc_feature').data_buffer[0]
            for recorders in (algorithm.distiller.student_recorders,
                              algorithm.distiller.teacher_recorders))
        difference = (
            gaussian_rbf(student[stage].flatten(1), gamma=0.4, order=2) -
            gaussian_rbf(teacher[0].flatten(1), gamma=0.4, order=2))
        assert losses['distill.loss_cc'].item() == pytest.approx(
            50 * difference.square().mean().item(), rel=1e-4)
    mapping = mix_cc(digits, data_idx=0).model.distiller.loss_forward_mappings
    assert [r.data_idx for r in mapping.loss_cc.values()] == [0, 0]
    with pytest.raises(
            ValueError,
            match='GaussianRBFKernelConnector takes one feature per sample, '
            'but got a tuple of 2; choose one by data_idx, in loss_forward_'
            'mappings or as --mix-cc data_idx=1'):
        losses_of(mix_cc(digits, source='backbone'))


def weights_after_ten_steps(cfg, folder):
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = str(folder)
    cfg.experiment_name = folder.name
    cfg.log_level = 'WARNING'
    cfg.randomness = dict(seed=0)
    cfg.train_cfg = dict(by_epoch=False, max_iters=10)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.default_hooks.checkpoint = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    return {
        name: tensor
        for name, tensor in runner.model.state_dict().items()
        if name.startswith('architecture.')
    }


def test_a_weight_of_zero_changes_no_bit(rkd, toy_imagenet, tmp_path):
    """The sampler would change the batches, and a projection the random
    numbers, which is why there is neither."""
    cfg = copy.deepcopy(rkd)
    cfg.model.teacher_ckpt = None
    cfg.model.teacher.pretrained = False
    cfg.train_dataloader.update(
        batch_size=8, num_workers=0, persistent_workers=False)
    cfg.train_dataloader.dataset.data_root = toy_imagenet
    cfg.train_dataloader.dataset.pipeline[1].scale = 32

    shipped = weights_after_ten_steps(cfg, tmp_path / 'shipped')
    assert len(shipped) > 100
    for source, loss_weight in (('neck', 0), ('neck.gap', 0), ('neck', 1.0)):
        mixed = weights_after_ten_steps(
            mix_cc(cfg, source, loss_weight=loss_weight, sampler=None),
            tmp_path / f'{source} {loss_weight}')
        assert set(mixed) == set(shipped)
        differ = [name for name, tensor in shipped.items()
                  if not torch.equal(tensor, mixed[name])]
        assert bool(differ) == bool(loss_weight), differ


def test_the_sampler(digits):
    digits.train_dataloader.drop_last = True
    digits.train_dataloader.sampler = dict(type='RepeatAugSampler')
    loader = mix_cc(digits, samples_per_class=2).train_dataloader
    assert loader.batch_sampler == dict(type='CURSampler', samples_per_class=2)
    assert loader.sampler == dict(type='DefaultSampler', shuffle=True)
    assert 'drop_last' not in loader
    left = mix_cc(digits, sampler=None).train_dataloader
    assert left == digits.train_dataloader


@pytest.mark.parametrize('given, expected', [
    (None, (['mmcckd'], False)),
    (dict(imports='mine'), (['mine', 'mmcckd'], False)),
    (dict(imports=['mine', 'its'], allow_failed_imports=True),
     (['mine', 'its', 'mmcckd'], True)),
    (dict(imports=['mmcckd'], allow_failed_imports=True), (['mmcckd'], True)),
])
def test_imports_are_kept(given, expected, digits):
    digits.custom_imports = given
    imports = mix_cc(digits).custom_imports
    assert (imports.imports, imports.allow_failed_imports) == expected


def test_a_data_free_recipe():
    cfg = read_config(DFAD)
    mixed = mix_cc(cfg)
    recorders = mixed.model.distiller.teacher_recorders
    assert recorders.cc_feature.source == 'res34.neck'
    assert mixed.model.distiller.student_recorders.cc_feature.source == 'neck'
    assert mixed.model.generator_distiller == cfg.model.generator_distiller
    assert mixed.train_dataloader == cfg.train_dataloader  # it is not used


def test_the_random_state_is_left_alone(digits):
    state = torch.get_rng_state()
    mix_cc(digits)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize('model, message', [
    (None, 'this one has no model.distiller; its model is not set'),
    (dict(type='ImageClassifier'), 'no model.distiller; its model is Image'),
])
def test_no_distiller(model, message):
    with pytest.raises(ValueError, match=message):
        mix_cc(Config(dict() if model is None else dict(model=model)))


def test_no_teacher():
    cfg = read_config(MMRAZOR + 'byot/byot_resnet18_8xb16_cifar100.py')
    with pytest.raises(ValueError,
                       match='needs a recipe with a teacher, but this one has '
                       'none: SelfDistill has neither model.teacher'):
        mix_cc(cfg)


def test_a_student_that_is_not_trained(digits):
    digits.model.student_trainable = False
    with pytest.raises(ValueError, match='has student_trainable=False'):
        mix_cc(digits)


@pytest.mark.parametrize('source, message', [
    ('nek', "fit the student: The student, a ImageClassifier, has no module "
     "'nek'; near names: neck, neck.gap. If the networks have"),
    (dict(student='neck', teacher='bakbone.layer4'),
     'fit the teacher: .* near names: backbone.layer4, '),
    (dict(pupil='neck'), 'must be the name of a module, .* but is .*pupil'),
    (dict(type='ParameterRecorder', source='neck'), 'one of the types Modul'),
    (3, 'must be the name of a module, .* but is 3'),
])
def test_a_source_that_is_not_there(source, message, rkd):
    with pytest.raises(ValueError, match=message):
        mix_cc(rkd, source=source)


def test_a_source_that_one_of_several_teachers_lacks():
    cfg = read_config(DFAD)
    cfg.model.teachers.res18 = dict(build_cfg=cfg.model.architecture)
    with pytest.raises(ValueError,
                       match="has no module 'neck'; near names: .*res34.neck"):
        mix_cc(cfg)
    mixed = mix_cc(cfg, source=dict(student='neck', teacher='res18.neck'))
    assert mixed.model.distiller.teacher_recorders.cc_feature.source == (
        'res18.neck')


@pytest.mark.parametrize('part, name', [
    ('student_recorders', 'cc_feature'),
    ('connectors', 'cc_kernel_t'),
    ('distill_losses', 'loss_cc'),
])
def test_a_name_that_is_taken(part, name, digits):
    digits.model.distiller.setdefault(part, {})
    digits.model.distiller[part][name] = dict(type='Mine', source='head')
    with pytest.raises(ValueError,
                       match=f'mix_cc adds {part}.{name}, but the distiller'):
        mix_cc(digits)


def test_twice(digits):
    with pytest.raises(ValueError, match='contains CC, change its setting'):
        mix_cc(mix_cc(digits, sampler=None))


def test_a_batch_sampler_of_the_users(digits):
    digits.train_dataloader.batch_sampler = dict(type='SURSampler')
    with pytest.raises(ValueError, match='batch_sampler SURSampler already'):
        mix_cc(digits)
    kept = mix_cc(digits, sampler=None).train_dataloader
    assert kept.batch_sampler == dict(type='SURSampler')


@pytest.mark.parametrize('arguments, message', [
    (dict(sampler='SURSampler'),
     "must be 'CURSampler', None or 'auto', but is 'SURSampler'"),
    (dict(kernel='BilinearKernelConnector'), 'kernel must be the config of a '
     "connector.* line kernel.type=…, but is 'BilinearKernelConnector'"),
    (dict(student_projection=dict(out_features=8)),
     'student_projection must be the config.*out_features'),
    (dict(loss_weight=-1), 'loss_weight must be at least 0 and finite'),
    (dict(data_idx='0'), 'data_idx must be an int, or .*teacher=int., but is '
     "'0'"),
    (dict(data_idx=dict(pupil=0)), "data_idx must be an int, or .*'pupil'"),
    (dict(kernel=dict(type='MyKernel')), 'no default loss_weight.*MyKernel'),
])
def test_bad_arguments(arguments, message, digits):
    with pytest.raises(ValueError, match=message):
        mix_cc(digits, **arguments)


def test_a_network_of_a_package_that_is_not_installed(digits):
    digits.model.teacher = dict(
        cfg_path='mmdet::retinanet/retinanet_r101_fpn_1x_coco.py')
    with pytest.raises(ModuleNotFoundError, match='pip install mmdet'):
        mix_cc(digits)
