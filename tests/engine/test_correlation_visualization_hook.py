import copy
import json
import math
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.visualization import Visualizer
from mmrazor.registry import MODELS
from PIL import Image
from processes import run_ranks
from torch import nn

from mmcckd.engine import CorrelationVisualizationHook
from mmcckd.visualization.correlation_picture import draw_correlations

ROOT = Path(__file__).parent.parent.parent
TAG = 'correlations.loss_cc'
COSINES = ('intra_class_cosine', 'inter_class_cosine', 'cosine_gap')


def recipe(name='cckd/r18w16_r10w6_digits'):
    cfg = Config.fromfile(ROOT / f'configs/{name}.py')
    if 'teacher' in cfg.model:
        cfg.model.teacher_ckpt = None
    return cfg


class Witness(Hook):
    """What the networks and the loss computed, and the labels, by step."""

    def before_train(self, runner):
        self.batches = {}
        model = runner.model
        self.now = {}
        for name, module in (('student', model.student.neck),
                             ('teacher', model.teacher.neck)):
            module.register_forward_hook(
                lambda module, args, output, name=name: self.now.update(
                    {name: output[0].detach().clone()}))
        model.distiller.distill_losses.loss_cc.register_forward_pre_hook(
            lambda module, args, kwargs: self.now.update(
                {key: value.detach().clone()
                 for key, value in kwargs.items()}),
            with_kwargs=True)

    def after_train_iter(self, runner, batch_idx, data_batch, outputs):
        samples = data_batch['data_samples']
        self.batches[runner.iter + 1] = dict(
            self.now, labels=[int(sample.gt_label) for sample in samples])


def train(work_dir, *hooks, epochs=2, witness=None, model=None):
    """Epochs of five iterations of the digits recipe."""
    cfg = recipe()
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            experiment_name=str(work_dir),
            log_level='WARNING',
            model=model or {},
            train_cfg=dict(max_epochs=epochs, val_interval=100),
            log_processor=dict(window_size=1),
            default_hooks=dict(logger=dict(interval=1))))
    cfg.visualizer.vis_backends = [
        dict(type='LocalVisBackend'),
        dict(type='TensorboardVisBackend')
    ]
    cfg.custom_hooks = list(hooks)
    runner = Runner.from_cfg(cfg)
    if witness:
        runner.register_hook(witness)
    runner.train()
    runner.visualizer.close()
    return runner


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A run with the hook: the runner, the events, and what was witnessed."""
    work_dir, witness = tmp_path_factory.mktemp('with'), Witness()
    runner = train(
        work_dir,
        dict(type='CorrelationVisualizationHook', interval=4),
        witness=witness)
    return SimpleNamespace(
        runner=runner, events=read(work_dir), batches=witness.batches)


def read(work_dir):
    """TensorBoard's events of a run."""
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )
    file, = Path(work_dir).rglob('events.out.tfevents.*')
    events = EventAccumulator(str(file), size_guidance=dict(images=0))
    events.Reload()
    return events


def test_positions_have_no_labels(tmp_path):
    """Also if there are as many positions as images in a batch."""
    connectors = [
        dict(type='PositionConnector', max_positions=40, size=(4, 4)),
        dict(type='GaussianRBFKernelConnector')
    ]
    recorders = dict(feature=dict(source='backbone'))
    train(
        tmp_path,
        dict(type='CorrelationVisualizationHook', interval=4),
        epochs=1,
        model=dict(
            distiller=dict(
                student_recorders=recorders,
                teacher_recorders=recorders,
                connectors=dict(kernel_s=connectors, kernel_t=connectors),
                loss_forward_mappings=dict(
                    loss_cc=dict(preds_S=dict(data_idx=None))))))
    tags = read(tmp_path).Tags()
    assert tags['images'] == [TAG]
    assert f'{TAG}/L_CC' in tags['scalars']
    assert not any('cosine' in tag for tag in tags['scalars'])


def cosines(features, labels):
    """By a loop over all pairs."""
    pairs = {True: [], False: []}
    x = features.double().numpy()
    for i in range(len(x)):
        for j in range(len(x)):
            if i != j:
                pairs[labels[i] == labels[j]].append(
                    x[i] @ x[j] / np.linalg.norm(x[i]) / np.linalg.norm(x[j]))
    intra, inter = np.mean(pairs[True]), np.mean(pairs[False])
    return dict(zip(COSINES, (intra, inter, intra - inter)))


def cka(x, y):
    n = len(x)
    center = np.eye(n) - 1 / n
    k, m = (center @ f @ f.T @ center
            for f in (x.double().numpy(), y.double().numpy()))
    return (k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum())


def test_the_pictures_are_in_the_event_file(run):
    assert run.events.Tags()['images'] == [TAG]
    images = run.events.Images(TAG)
    assert [image.step for image in images] == [4, 8]
    for image in images:
        batch = run.batches[image.step]
        # Class by class, and in the order of the batch within one.
        labels = batch['labels']
        order = [i for c in range(10) for i in range(40) if labels[i] == c]
        assert order != list(range(40))
        student, teacher = ([[float(batch[side][i, j]) for j in order]
                             for i in order] for side in ('preds_S',
                                                          'preds_T'))
        l_cc = np.square(np.subtract(student, teacher)).mean()
        expected = draw_correlations(
            np.array(student), np.array(teacher), np.sort(labels),
            f'loss_cc, iteration {image.step}: L_CC = {l_cc:.3g}')
        shown = np.asarray(Image.open(BytesIO(image.encoded_image_string)))
        assert (image.height, image.width) == expected.shape[:2]
        np.testing.assert_array_equal(shown, expected)


def test_the_scalars_are_in_the_event_file(run):
    tags = [tag for tag in run.events.Tags()['scalars'] if TAG in tag]
    for step in (4, 8):
        batch = run.batches[step]
        expected = dict(
            L_CC=(batch['preds_S'] - batch['preds_T']).square().mean(),
            linear_cka=cka(batch['student'], batch['teacher']))
        for owner in ('student', 'teacher'):
            for name, value in cosines(batch[owner], batch['labels']).items():
                expected[f'{owner}_{name}'] = value
        assert set(tags) == {
            f'{TAG}/{name}' for name in (*expected, 'gradient_ratio')
        }
        for name, value in expected.items():
            seen = {e.step: e.value for e in run.events.Scalars(
                f'{TAG}/{name}')}
            assert set(seen) == {4, 8}
            assert seen[step] == pytest.approx(float(value), rel=1e-5)


def test_l_cc_is_the_logged_loss_without_its_weight(run):
    beta = run.runner.model.distiller.distill_losses.loss_cc.loss_weight
    logged = {
        e.step: e.value for e in run.events.Scalars('distill.loss_cc')
    }
    for event in run.events.Scalars(f'{TAG}/L_CC'):
        assert beta * event.value == pytest.approx(
            logged[event.step], rel=1e-5)


def test_training_is_not_changed(run, tmp_path):
    without = train(tmp_path)
    weights = run.runner.model.state_dict()
    assert weights
    for name, tensor in without.model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    assert read(tmp_path).Tags()['images'] == []


def test_by_epochs(tmp_path):
    train(
        tmp_path,
        dict(
            type='CorrelationVisualizationHook', interval=2, by_epoch=True),
        epochs=4)
    assert [e.step for e in read(tmp_path).Images(TAG)] == [10, 20]


RANKS = '''
import sys
import mmcckd
from mmcckd.engine import init_distributed
from mmcckd.engine.hooks import correlation_visualization_hook as module
from mmengine.config import Config
from mmengine.runner import Runner

cfg = Config.fromfile(sys.argv[1])
kernel = dict(type='GaussianRBFKernelConnector', gather=True)
cfg.model.distiller.connectors.kernel_s[1] = kernel
cfg.model.distiller.connectors.kernel_t = kernel
cfg.model.teacher_ckpt = None
cfg.merge_from_dict(dict(
    work_dir=sys.argv[2], launcher='pytorch', log_level='WARNING',
    train_cfg=dict(max_epochs=2, val_interval=100),
    train_dataloader=dict(batch_size=20,
                          batch_sampler=dict(samples_per_class=2)),
    custom_hooks=[dict(type='CorrelationVisualizationHook', interval=3)]))
init_distributed('pytorch', cfg)
runner = Runner.from_cfg(cfg)
drawn, draw = [], module.draw_correlations

def listen(student, teacher, labels, title):
    drawn.append((student, teacher))
    return draw(student, teacher, labels, title)

module.draw_correlations = listen
runner.train()
for matrix in sum(drawn, ()):
    # of samples with themselves, not of rows with other columns
    assert matrix.shape == (20, 20) and abs(matrix - matrix.T).max() < 1e-6
print(f'drawn {len(drawn)} of {runner.iter}')
'''


def test_only_rank_0_draws(tmp_path):
    ranks = run_ranks(RANKS, 2, ROOT / 'configs/cckd/r18w16_r10w6_digits.py',
                      tmp_path)
    for rank in ranks:
        assert rank.returncode == 0, rank.stderr
    assert [rank.stdout.splitlines()[-1] for rank in ranks] == [
        'drawn 3 of 10', 'drawn 0 of 10'
    ]
    assert sorted(file.name for file in tmp_path.rglob('*.png')) == [
        f'{TAG}_{step}.png' for step in (3, 6, 9)
    ]


@MODELS.register_module()
class LastStage(nn.Module):
    """A connector that takes the last of several features."""

    def forward(self, features):
        return features[-1]


@pytest.fixture
def drive(tmp_path):
    """One step of a recipe under the hook; the scalars and pictures of it.

    The hook is shown the samples of the batch after ``disguise``.
    """

    def step(cfg=None, disguise=lambda batch: batch, sampler=None, **state):
        cfg = cfg or recipe()
        init_default_scope('mmpretrain')
        torch.manual_seed(0)
        model = MODELS.build(
            dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
        model.init_weights()
        for name, value in state.items():
            setattr(model, name, value)
        loader = cfg.train_dataloader
        if sampler:
            loader.pop('batch_sampler')
            loader.update(sampler)
        batch = next(iter(Runner.build_dataloader(loader, seed=0)))
        save_dir = tmp_path / 'shown'
        runner = SimpleNamespace(
            model=model,
            rank=0,
            iter=6,
            optim_wrapper=None,
            visualizer=Visualizer(
                name=str(save_dir),
                vis_backends=[dict(type='LocalVisBackend')],
                save_dir=str(save_dir)))
        hook = CorrelationVisualizationHook(interval=7)
        runner.train_loop = None
        hook.before_train(runner)
        losses = list(model.distiller.distill_losses.values())
        hook.before_train_iter(runner, 1, batch)
        matrices = {}
        for name, loss in model.distiller.distill_losses.items():
            loss.register_forward_pre_hook(
                lambda module, args, kwargs, name=name: matrices.update({
                    name: {k: v.detach().double() for k, v in kwargs.items()}
                }),
                with_kwargs=True)
        images = model.data_preprocessor(batch, True)
        model(**images, mode='loss')
        hook.after_train_iter(runner, 1, disguise(copy.deepcopy(batch)))
        assert not any(loss._forward_hooks for loss in losses)
        file = save_dir / 'vis_data/scalars.json'
        scalars = {}
        if file.exists():
            for line in file.read_text().splitlines():
                scalars.update(json.loads(line))
        pictures = {
            path.stem: np.asarray(Image.open(path))
            for path in save_dir.rglob('*.png')
        }
        return scalars, pictures, matrices

    return step


def without_samples(batch):
    return dict(inputs=batch['inputs'])


def with_several_labels(batch):
    batch['data_samples'][3].set_gt_label([1, 2])
    return batch


def without_one_label(batch):
    del batch['data_samples'][3].gt_label
    return batch


def with_mixed_images(batch):
    batch['data_samples'][3].set_gt_score(torch.full((10, ), 0.1))
    return batch


def with_fewer_samples(batch):
    return dict(batch, data_samples=batch['data_samples'][1:])


@pytest.mark.parametrize('disguise', [
    without_samples, with_several_labels, without_one_label,
    with_mixed_images, with_fewer_samples,
    lambda batch: tuple(batch.values())
])
def test_samples_without_a_class_stay_in_their_order(drive, disguise):
    scalars, pictures, matrices = drive(disguise=disguise)
    assert set(scalars) == {f'{TAG}/L_CC', f'{TAG}/linear_cka', 'step'}
    student, teacher = (
        matrix.numpy() for matrix in matrices['loss_cc'].values())
    expected = draw_correlations(
        student, teacher,
        title='loss_cc, iteration 7: L_CC = '
        f'{np.square(student - teacher).mean():.3g}')
    np.testing.assert_array_equal(pictures[f'{TAG}_7'], expected)


def test_a_batch_without_pairs_of_a_class(drive):
    cfg = recipe()
    scalars, pictures, _ = drive(
        cfg, sampler=dict(
            batch_size=10,
            batch_sampler=dict(type='CURSampler', samples_per_class=1)))
    assert set(scalars) == {
        'step', f'{TAG}/L_CC', f'{TAG}/linear_cka',
        f'{TAG}/student_inter_class_cosine',
        f'{TAG}/teacher_inter_class_cosine'
    }
    assert list(pictures) == [f'{TAG}_7']


def test_losses_of_any_name_and_wiring(drive):
    cfg = recipe()
    distiller = cfg.model.distiller
    distiller.connectors.mmd = dict(type='MMDKernelConnector')
    distiller.distill_losses.loss_means = dict(
        type='CorrelationCongruenceLoss')
    distiller.loss_forward_mappings.loss_means = dict(
        preds_T=dict(from_student=False, recorder='fc', connector='mmd'),
        preds_S=dict(from_student=True, recorder='fc', connector='mmd'))
    scalars, pictures, matrices = drive(cfg)
    assert set(pictures) == {
        'correlations.loss_cc_7', 'correlations.loss_means_7'
    }
    for name in ('loss_cc', 'loss_means'):
        given = matrices[name]
        assert scalars[f'correlations.{name}/L_CC'] == pytest.approx(
            float((given['preds_S'] - given['preds_T']).square().mean()))
    assert len(scalars) == 1 + 2 * 8


def test_features_that_only_a_connector_understands(drive):
    cfg = recipe()
    cfg.model.architecture.backbone.out_indices = (0, 1)
    distiller = cfg.model.distiller
    distiller.connectors.kernel_s.insert(0, dict(type='LastStage'))
    distiller.loss_forward_mappings.loss_cc.preds_S.pop('data_idx')
    scalars, pictures, _ = drive(cfg)
    assert set(scalars) == {'step', f'{TAG}/L_CC'}
    assert list(pictures) == [f'{TAG}_7']


def test_nothing_once_distillation_has_stopped(drive):
    assert drive(distillation_stopped=True) == ({}, {}, {})


def test_wrong_arguments():
    with pytest.raises(TypeError, match="interval must be an int.*'1'"):
        CorrelationVisualizationHook(interval='1')
    with pytest.raises(TypeError, match='interval must be an int.*True'):
        CorrelationVisualizationHook(interval=True)
    with pytest.raises(ValueError, match='at least 1, but is 0; remove'):
        CorrelationVisualizationHook(interval=0)
    with pytest.raises(TypeError, match='by_epoch must be True or False'):
        CorrelationVisualizationHook(by_epoch=1)


@pytest.mark.parametrize('name, match', [
    ('baseline/r10w6_digits', 'the model, a ImageClassifier, has none'),
    ('baseline/kd_r18w16_r10w6_digits',
     r'has none, only: loss_kd \(KLDivergence\). Add one'),
])
def test_a_recipe_without_correlations(name, match, tmp_path):
    cfg = recipe(name)
    cfg.merge_from_dict(
        dict(
            work_dir=str(tmp_path),
            experiment_name=str(tmp_path),
            log_level='WARNING',
            custom_hooks=[dict(type='CorrelationVisualizationHook')]))
    with pytest.raises(ValueError, match=match):
        Runner.from_cfg(cfg).train()


def test_epochs_of_a_loop_without_epochs():
    cfg = recipe()
    runner = SimpleNamespace(
        model=MODELS.build(cfg.model),
        train_loop=IterBasedTrainLoop.__new__(IterBasedTrainLoop))
    with pytest.raises(ValueError, match='the IterBasedTrainLoop counts'):
        CorrelationVisualizationHook(by_epoch=True).before_train(runner)
