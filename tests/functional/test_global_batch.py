"""gather=True on real ranks against the whole batch on one process."""
import copy

import pytest
import torch
from mmrazor.registry import MODELS
from processes import run_ranks
from torch import nn

from mmcckd.functional import CCLoss
from mmcckd.models import CorrelationCongruenceLoss

SIZE = 6  # of a rank's batch
KERNELS = {
    'mmd': dict(type='MMDKernelConnector'),
    'bilinear': dict(type='BilinearKernelConnector'),
    'taylor': dict(type='GaussianRBFKernelConnector'),
    'exact': dict(type='GaussianRBFKernelConnector', order=None),
    'exact, any length': dict(
        type='GaussianRBFKernelConnector',
        gamma=0.05, order=None, normalize=False),
}
CODE = '''
import sys, torch
import mmcckd
from mmrazor.registry import MODELS
from torch.nn.parallel import DistributedDataParallel

torch.distributed.init_process_group('gloo')
rank = torch.distributed.get_rank()
job = torch.load(sys.argv[1], weights_only=False)
out = {}
for name, kernel in job['kernels'].items():
    kernel = MODELS.build(dict(kernel, gather=True))
    model = DistributedDataParallel(job['models'][name])
    share = slice(rank * job['size'], (rank + 1) * job['size'])
    rows = kernel(model(job['images'][share]))
    loss = job['loss'](rows, kernel(job['teacher'][share]))
    loss.backward()
    mean = loss.detach() / torch.distributed.get_world_size()
    torch.distributed.all_reduce(mean)
    out[name] = dict(
        rows=rows.detach(), loss=mean,
        gradients=[p.grad for p in model.parameters()])
torch.save(out, f'{sys.argv[2]}/{rank}.pth')
'''
LOSSES = {
    'mmd': dict(kernel='naive_mmd'),
    'bilinear': dict(kernel='bilinear'),
    'taylor': dict(),
    'exact': dict(order=None),
}
CC_LOSS = '''
import sys, torch
from mmcckd.functional import CCLoss

torch.distributed.init_process_group('gloo')
rank = torch.distributed.get_rank()
job = torch.load(sys.argv[1])
share = slice(rank * job['size'], (rank + 1) * job['size'])
out = {}
for name, arguments in job['losses'].items():
    student = job['student'][share].requires_grad_()
    student.grad = None
    loss = CCLoss(gather=True, **arguments)(student, job['teacher'][share])
    loss.backward()
    out[name] = loss.detach(), student.grad
torch.save(out, f'{sys.argv[2]}/{rank}.pth')
assert 'mmengine' not in sys.modules
'''
REFUSED = '''
import torch
from mmcckd.functional import CCLoss

torch.distributed.init_process_group('gloo')
criterion = CCLoss(gather=True)
teacher = torch.rand(4, 3)

def differentiate_again():
    student = torch.rand(4, 3, requires_grad=True)
    torch.autograd.grad(
        criterion(student, teacher), student, create_graph=True)

def transform():
    torch.func.grad(criterion)(torch.rand(4, 3), teacher)

def compile():
    torch.compile(criterion, fullgraph=True, backend='eager')(
        torch.rand(4, 3), teacher)

for refused in (differentiate_again, transform, compile):
    try:
        refused()
    except Exception as error:
        print(type(error).__name__, ' '.join(str(error).split()))
'''
UNEQUAL = '''
import torch
from mmcckd.functional import CCLoss

torch.distributed.init_process_group('gloo')
features = torch.ones(4 - torch.distributed.get_rank(), 3)
CCLoss('bilinear', gather=True)(features, features)
'''


def test_equals_one_process_on_the_joined_batch(tmp_path):
    """Connectors and loss, and the gradients that DDP averages."""
    world_size = 2
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 7))
    job = dict(
        kernels=KERNELS,
        size=SIZE,
        models={name: copy.deepcopy(network) for name in KERNELS},
        images=torch.randn(world_size * SIZE, 5),
        teacher=torch.randn(world_size * SIZE, 9),
        loss=CorrelationCongruenceLoss(loss_weight=10.))
    torch.save(job, tmp_path / 'job.pth')
    for rank in run_ranks(CODE, world_size, tmp_path / 'job.pth', tmp_path):
        assert rank.returncode == 0, rank.stderr
    ranks = [torch.load(tmp_path / f'{rank}.pth')
             for rank in range(world_size)]

    for name, kernel in KERNELS.items():
        kernel = MODELS.build(kernel)
        model = job['models'][name]
        whole = kernel(model(job['images']))
        loss = job['loss'](whole, kernel(job['teacher']))
        loss.backward()
        rows = torch.cat([rank[name]['rows'] for rank in ranks])
        torch.testing.assert_close(rows, whole.detach(), rtol=1e-5, atol=1e-5)
        for rank in ranks:
            torch.testing.assert_close(
                rank[name]['loss'], loss.detach(), rtol=1e-5, atol=0)
            gradients = [p.grad for p in model.parameters()]
            scale = max(g.abs().max().item() for g in gradients)
            assert scale > 0
            torch.testing.assert_close(
                rank[name]['gradients'],
                gradients,
                rtol=1e-5,
                atol=1e-5 * scale)


def test_cc_loss_equals_one_process_on_the_joined_batch(tmp_path):
    """Loss and gradients, which are those of the mean over ranks."""
    torch.manual_seed(0)
    job = dict(
        losses=LOSSES,
        size=SIZE,
        student=torch.randn(3 * SIZE, 5),
        teacher=torch.randn(3 * SIZE, 9))
    torch.save(job, tmp_path / 'job.pth')
    for rank in run_ranks(CC_LOSS, 3, tmp_path / 'job.pth', tmp_path):
        assert rank.returncode == 0, rank.stderr
    ranks = [torch.load(tmp_path / f'{rank}.pth') for rank in range(3)]

    for name, arguments in LOSSES.items():
        student = job['student'].clone().requires_grad_()
        expected = CCLoss(**arguments)(student, job['teacher'])
        expected.backward()
        losses, gradients = zip(*(rank[name] for rank in ranks))
        torch.testing.assert_close(
            torch.stack(losses).mean(), expected.detach())
        torch.testing.assert_close(
            torch.cat(gradients) / 3,
            student.grad,
            rtol=1e-5,
            atol=1e-5 * student.grad.abs().max().item())


def test_what_gather_refuses():
    rank, _ = run_ranks(REFUSED, 2)
    assert rank.returncode == 0, rank.stderr
    again, transformed, compiled = rank.stdout.splitlines()
    assert again.startswith('NotImplementedError gather=True has a first deri')
    assert transformed.startswith('NotImplementedError gather=True exchanges')
    # torch 2.1 names the error that it traces, without its text.
    said = ('NotImplementedError' if torch.__version__ < (2, 2) else
            'gather=True exchanges features between processes')
    assert said in compiled


def test_ranks_with_batches_of_different_sizes():
    for rank in run_ranks(UNEQUAL, 2):
        assert rank.returncode != 0
        assert ('gather=True needs batches of one size on all ranks, but they '
                'have [4, 3] samples') in rank.stderr


def test_without_a_process_group_it_changes_nothing():
    x = torch.randn(5, 4)
    for kernel in KERNELS.values():
        assert torch.equal(
            MODELS.build(dict(kernel, gather=True))(x),
            MODELS.build(kernel)(x))


def test_gather_is_a_bool():
    with pytest.raises(TypeError, match="True or False, but is 'all'"):
        MODELS.build(dict(type='BilinearKernelConnector', gather='all'))
