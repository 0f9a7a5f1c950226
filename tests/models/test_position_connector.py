"""Positions as samples: where they are, and that both sides have the same."""
import copy
import random
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.utils import is_list_of
from mmrazor.registry import MODELS
from processes import run_ranks
from torch import nn
from torch.utils.data import Dataset

from mmcckd.models import GaussianRBFKernelConnector, PositionConnector


@pytest.fixture(autouse=True)
def no_iteration():
    """Each test has a message hub of its own."""
    saved = dict(MessageHub._instance_dict)
    MessageHub._instance_dict.clear()
    yield
    MessageHub._instance_dict.clear()
    MessageHub._instance_dict.update(saved)


def at(iteration):
    MessageHub.get_current_instance().update_info('iter', iteration)


def coordinates(n, h, w):
    """Maps with three channels: image, row and column of each position."""
    return torch.from_numpy(
        np.stack(np.broadcast_arrays(*np.ogrid[:n, :h, :w]), 1)).float()


def positions(connector, n, h, w):
    """The positions that the connector selects, in their order."""
    return list(map(tuple, connector(coordinates(n, h, w)).int().tolist()))


@given(
    st.integers(1, 3), st.integers(1, 5), st.integers(1, 5),
    st.integers(2, 80), st.integers(0, 2**70), st.integers(0, 2**40))
@settings(max_examples=50)
def test_vectors_at_different_positions(n, h, w, most, seed, iteration):
    """Against indexing one position after the other."""
    at(iteration)
    connector = PositionConnector(most, seed=seed)
    selected = positions(connector, n, h, w)
    assert len(selected) == len(set(selected)) == min(most, n * h * w)
    x = torch.rand(n, 4, h, w)
    maps = x.numpy()
    expected = [maps[image, :, row, column]
                for image, row, column in selected]
    for feature in (x, (x, ), x.to(memory_format=torch.channels_last)):
        assert np.array_equal(connector(feature).numpy(), expected)
    assert connector.map_size == (h, w)


def test_each_position_is_as_likely():
    counts = np.zeros((2, 2, 3))
    connector = PositionConnector(4)
    for iteration in range(300):
        at(iteration)
        for position in positions(connector, 2, 2, 3):
            counts[position] += 1
    assert counts.sum() == 1200
    assert (abs(counts - 100) < 35).all(), counts  # 4 standard deviations


def test_what_the_positions_depend_on():
    """The seed and the iteration, and nothing else."""
    at(7)
    selected = positions(PositionConnector(6), 2, 4, 4)
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    states = (torch.get_rng_state(), random.getstate(),
              np.random.get_state()[1].copy())
    again = positions(PositionConnector(6), 2, 4, 4)
    assert again == selected
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.array_equal(np.random.get_state()[1], states[2])
    assert positions(PositionConnector(6, seed=1), 2, 4, 4) != selected
    at(8)
    connector = PositionConnector(6)
    assert positions(connector, 2, 4, 4) != selected
    at(7)
    assert positions(connector, 2, 4, 4) == selected


def resized(maps, height, width):
    """Bilinear interpolation between the centers of pixels, by loops."""
    n, c, h, w = maps.shape
    out = np.zeros((n, c, height, width))
    for y in range(height):
        for x in range(width):
            row = min(max((y + 0.5) * h / height - 0.5, 0), h - 1)
            column = min(max((x + 0.5) * w / width - 0.5, 0), w - 1)
            top, left = int(row), int(column)
            for i, share in ((top, top + 1 - row), (top + 1, row - top)):
                for j, part in ((left, left + 1 - column),
                                (left + 1, column - left)):
                    if share * part > 0:
                        out[:, :, y, x] += share * part * maps[:, :, i, j]
    return out


@pytest.mark.parametrize('size', [(3, 4), (6, 3), (5, 7), [2, 2]])
def test_resizing(size):
    torch.manual_seed(0)
    x = torch.rand(2, 3, 3, 4)
    connector = PositionConnector(1000, size=size)
    selected = positions(PositionConnector(1000), 2, *size)
    maps = resized(x.double().numpy(), *size)
    np.testing.assert_allclose(
        connector(x).numpy(),
        [maps[image, :, row, column] for image, row, column in selected],
        rtol=1e-5, atol=1e-6)
    assert connector.map_size == tuple(size)


@pytest.mark.parametrize('arguments, error, message', [
    (dict(max_positions=1), ValueError,
     'max_positions must be at least 2, but is 1'),
    (dict(max_positions=2.), TypeError, 'max_positions must be an int'),
    (dict(max_positions=True), TypeError, 'max_positions must be an int'),
    (dict(max_positions=None), TypeError, 'max_positions must be an int'),
    (dict(seed=-1), ValueError, 'seed must be at least 0, but is -1'),
    (dict(seed='0'), TypeError, "seed must be an int, but is '0'"),
    (dict(size=16), TypeError, r'size must be .*such as \(16, 32\), but is '),
    (dict(size=(1, 2, 3)), TypeError, r'size must be .*, but is \(1, 2, 3\)'),
    (dict(size=(8, 0)), ValueError, 'each of size must be at least 1'),
    (dict(size=(8, None)), TypeError, 'each of size must be an int'),
])
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        MODELS.build(dict(type='PositionConnector', **arguments))


def test_compiled():
    """The iteration does not become a constant of the compiled code."""
    connector = nn.Sequential(
        PositionConnector(5), GaussianRBFKernelConnector())
    compiled = torch.compile(connector, backend='eager')
    x = torch.rand(2, 3, 4, 4)
    for iteration in range(3):
        at(iteration)
        torch.testing.assert_close(compiled(x), connector(x))


GATHERED = '''
import sys, torch
import mmcckd
from mmengine.logging import MessageHub
from mmrazor.registry import MODELS

torch.distributed.init_process_group('gloo')
rank = torch.distributed.get_rank()
MessageHub.get_current_instance().update_info('iter', 3)
maps = torch.load(sys.argv[1])[rank].requires_grad_()
connector = MODELS.build(dict(type='PositionConnector', max_positions=6))
kernel = MODELS.build(dict(type='GaussianRBFKernelConnector', gather=True))
rows = kernel(connector(maps))
rows.square().mean().backward()
try:  # maps of different sizes
    kernel(connector(maps[:1, :, :1 + rank]))
except ValueError as error:
    message = str(error)
torch.save((rows.detach(), maps.grad, message), f'{sys.argv[2]}/{rank}.pth')
'''


def test_gathered_positions(tmp_path):
    """The positions of all ranks are the samples; the mean of the ranks'
    losses and gradients is that of all positions. Ranks with different
    numbers of positions get an error."""
    maps = torch.rand(2, 3, 5, 2, 2)  # rank, image, channel, row, column
    torch.save(list(maps), tmp_path / 'maps.pth')
    for rank in run_ranks(GATHERED, 2, tmp_path / 'maps.pth', tmp_path):
        assert rank.returncode == 0, rank.stderr
    rows, gradients, messages = zip(
        *(torch.load(tmp_path / f'{rank}.pth') for rank in range(2)))
    at(3)
    connector = PositionConnector(6)
    maps.requires_grad_()
    expected = GaussianRBFKernelConnector()(
        torch.cat([connector(share) for share in maps]))
    torch.testing.assert_close(torch.cat(rows), expected.detach())
    expected.square().mean().backward()
    torch.testing.assert_close(torch.stack(gradients) / 2, maps.grad)
    for message in messages:
        assert message.startswith('gather=True needs batches of one size on '
                                  'all ranks, but they have [2, 4] samples')


@MODELS.register_module()
class NetworkWithMaps(BaseModel):
    """Two maps, of which the second has half the size."""

    def __init__(self, width=4, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, stride, padding=1)
        self.maps = TwoMaps()
        self.fc = nn.Linear(width, 2)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x, _ = self.maps(self.conv(inputs).relu())
        logits = self.fc(x.mean((2, 3)))
        return dict(loss=logits.square().mean()) if mode == 'loss' else logits


class TwoMaps(nn.Module):

    def forward(self, x):
        return x, nn.functional.avg_pool2d(x, 2)


def connectors(changes):
    """A list of connectors; without positions if ``changes`` is None."""
    first = dict(type='PoolConnector', level=-1)
    if changes is not None:
        first = dict(
            dict(type='PositionConnector', max_positions=8, level=-1),
            **dict(changes))
    return [first, dict(type='GaussianRBFKernelConnector')]


def config(type='FrozenTeacherDistill', student=(), teacher=(), stride=1,
           width=6):
    """A recipe whose loss compares positions of the second map."""
    recorders = dict(maps=dict(type='ModuleOutputs', source='maps'))
    return ConfigDict(
        type=type,
        data_preprocessor=dict(type='ImgDataPreprocessor'),
        architecture=dict(type='NetworkWithMaps', stride=stride),
        teacher=dict(type='NetworkWithMaps', width=width),
        distiller=dict(
            type='ConfigurableDistiller',
            student_recorders=recorders,
            teacher_recorders=copy.deepcopy(recorders),
            connectors=dict(
                student=connectors(student), teacher=connectors(teacher)),
            distill_losses=dict(
                loss_cc=dict(type='CorrelationCongruenceLoss')),
            loss_forward_mappings=dict(
                loss_cc={
                    f'preds_{side[0].upper()}': dict(
                        recorder='maps',
                        from_student=side == 'student',
                        connector=side)
                    for side in ('student', 'teacher')
                })))


both = pytest.mark.parametrize(
    'type', ['SingleTeacherDistill', 'FrozenTeacherDistill'])


@both
def test_the_loss_compares_the_same_positions(type):
    """Two equal networks have no loss, in each iteration. The gradient of
    another student reaches the student alone."""
    images = torch.rand(2, 3, 8, 8)
    algorithm = MODELS.build(config(type, width=4))
    algorithm.teacher.load_state_dict(algorithm.student.state_dict())
    for iteration in range(3):
        at(iteration)
        assert algorithm(images, mode='loss')['distill.loss_cc'] < 1e-12
    nn.init.normal_(algorithm.student.conv.weight)
    loss = algorithm(images, mode='loss')['distill.loss_cc']
    assert loss.isfinite() and loss > 0
    loss.backward()
    assert algorithm.student.conv.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in algorithm.teacher.parameters())


@both
def test_maps_of_different_sizes(type):
    images = torch.rand(2, 3, 8, 8)
    message = ('loss_cc compares positions of maps of different sizes (h, w): '
               '(2, 2) for preds_S, (4, 4) for preds_T. Set size=(h, w) of '
               'the PositionConnector of student, teacher or both')
    with pytest.raises(ValueError, match=re.escape(message)):
        MODELS.build(config(type, stride=2))(images, mode='loss')
    for sizes in (dict(student=dict(size=(4, 4))),
                  dict(teacher=dict(size=(2, 2))),
                  dict(student=dict(size=(3, 3)), teacher=dict(size=(3, 3)))):
        algorithm = MODELS.build(config(type, stride=2, **sizes))
        assert algorithm(images, mode='loss')['distill.loss_cc'].isfinite()


def test_one_connector_for_both_sides():
    """The second side does not hide the size of the first."""
    cfg = config(stride=2)
    cfg.distiller.loss_forward_mappings.loss_cc.preds_T.connector = 'student'
    with pytest.raises(ValueError, match=r'\(2, 2\) for preds_S, \(4, 4\)'):
        MODELS.build(cfg)(torch.rand(2, 3, 8, 8), mode='loss')
    cfg.architecture.stride = 1
    assert MODELS.build(cfg)(torch.rand(2, 3, 8, 8), mode='loss')


@pytest.mark.parametrize('sides, message', [
    (dict(teacher=dict(seed=1)), 'loss_cc would compare different positions: '
     'seed of the PositionConnector is 0 for preds_S, 1 for preds_T.'),
    (dict(student=dict(max_positions=9)), 'max_positions of the '
     'PositionConnector is 9 for preds_S, 8 for preds_T. Use the same'),
    (dict(teacher=None), 'loss_cc compares positions of maps, by a '
     'PositionConnector, for preds_S, but not for preds_T. Use a'),
    (dict(student=None), 'for preds_T, but not for preds_S.'),
])
@both
def test_sides_that_differ(type, sides, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        MODELS.build(config(type, **sides))


class Images(Dataset):

    def __len__(self):
        return 8

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return dict(inputs=torch.rand(3, 8, 8, generator=generator))


def train(work_dir, iterations, resume):
    """Train, and return the positions of each iteration, on both sides."""
    torch.manual_seed(0)
    seen = []
    runner = Runner(
        config(), str(work_dir),
        train_dataloader=dict(
            batch_size=2,
            dataset=Images(),
            sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=iterations // 4),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
        randomness=dict(seed=0),
        resume=resume,
        experiment_name=f'{work_dir.name}{iterations}',
        log_level='WARNING',
        default_scope='mmrazor')
    for side, connector in runner.model.distiller.connectors.items():
        connector[0].register_forward_hook(
            lambda module, args, output, side=side: seen.append(
                (runner.iter, side, positions_of(module, args[0][-1]))))
    runner.train()
    return seen


def positions_of(connector, x):
    forward = PositionConnector(
        connector.max_positions, seed=connector.seed)
    return positions(forward, len(x), *x.shape[2:])


def test_positions_of_a_resumed_run(tmp_path):
    """Each iteration has its own, the same ones for student and teacher."""
    uninterrupted = train(tmp_path / 'one', 8, resume=False)
    train(tmp_path / 'two', 4, resume=False)
    assert train(tmp_path / 'two', 8, resume=True) == uninterrupted[8:]
    assert len(uninterrupted) == 16 and is_list_of(uninterrupted, tuple)
    of_student, of_teacher = uninterrupted[::2], uninterrupted[1::2]
    assert [(i, p) for i, _, p in of_student
            ] == [(i, p) for i, _, p in of_teacher]
    assert len({tuple(p) for *_, p in of_student}) == 8
