"""gather=True on real ranks against the whole batch on one process."""
import copy

import pytest
import torch
from mmrazor.registry import MODELS
from processes import run_ranks
from torch import nn

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
UNEQUAL = '''
import mmcckd, torch
from mmrazor.registry import MODELS

torch.distributed.init_process_group('gloo')
kernel = MODELS.build(dict(type='BilinearKernelConnector', gather=True))
kernel(torch.ones(4 - torch.distributed.get_rank(), 3))
'''


@pytest.mark.parametrize('world_size', [2, 3])
def test_equals_one_process_on_the_joined_batch(world_size, tmp_path):
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
