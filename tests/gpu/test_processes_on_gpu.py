"""Resuming a run, and communication by NCCL."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from processes import free_port, run_ranks

from mmcckd.engine import build_runner

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU'),
]
# The sizes are read in the first call, and where a batch has another size.
GATHER = '''
import torch
from mmcckd.functional import CCLoss, global_batch

torch.distributed.init_process_group('nccl')
rank = torch.distributed.get_rank()
size = torch.distributed.get_world_size()
torch.cuda.set_device(rank)
generator = torch.Generator().manual_seed(0)
student = torch.randn(6 * size, 5, generator=generator).cuda()
teacher = torch.randn(6 * size, 9, generator=generator).cuda()

x = student.clone().requires_grad_()
expected = CCLoss()(x, teacher)
expected.backward()

share = slice(rank * 6, rank * 6 + 6)
criterion = CCLoss(gather=True)
for step in range(2):
    own = student[share].clone().requires_grad_()
    torch.cuda.set_sync_debug_mode('error' if step else 'default')
    loss = criterion(own, teacher[share])
    loss.backward()
    torch.cuda.set_sync_debug_mode('default')
loss = loss.detach()
torch.distributed.all_reduce(loss)
torch.testing.assert_close(loss / size, expected.detach())
torch.testing.assert_close(
    own.grad / size, x.grad[share], rtol=1e-4, atol=1e-7)

gathered = global_batch._all_gather(own.detach())
torch.testing.assert_close(torch.cat(gathered), student)
print('as on one GPU')
'''


@pytest.mark.parametrize('ranks', [1, 2])
def test_gather_by_nccl(ranks):
    if torch.cuda.device_count() < ranks:
        pytest.skip(f'needs {ranks} GPUs')
    for rank in run_ranks(GATHER, ranks):
        assert rank.returncode == 0, rank.stderr
        assert 'as on one GPU' in rank.stdout


def test_resumed_run_is_bit_identical(recipe, deterministic):
    weights = {}
    for name, epochs in (('straight', [4]), ('resumed', [2, 4])):
        for i, last in enumerate(epochs):
            cfg = recipe('digits', 'bfloat16')
            cfg.work_dir += name
            cfg.experiment_name += f'{name}{i}'
            cfg.train_cfg.update(max_epochs=last, val_interval=last)
            cfg.default_hooks.checkpoint.interval = 1
            cfg.resume = i > 0
            runner = build_runner(cfg)
            runner.train()
        weights[name] = runner.model.state_dict()
    for name, weight in weights['straight'].items():
        assert torch.equal(weights['resumed'][name], weight), name


def test_distributed_training(tmp_path, digits_teacher):
    """tools/train.py as torchrun starts it, one process for each GPU."""
    config = tmp_path / 'cckd.py'
    config.write_text(
        f'_base_ = {str(ROOT / "configs/cckd/r18w16_r10w6_digits.py")!r}\n'
        f'model = dict(teacher_ckpt={digits_teacher!r})\n'
        'train_cfg = dict(max_epochs=2, val_interval=2)\n')
    result = subprocess.run(
        [
            sys.executable, '-m', 'torch.distributed.run', '--nproc-per-node',
            str(torch.cuda.device_count()), '--master-port',
            free_port(),
            str(ROOT / 'tools/train.py'),
            str(config), '--amp', '--launcher', 'pytorch', '--work-dir',
            str(tmp_path / 'run'), '--cfg-options',
            'model.distiller.connectors.kernel_t.gather=True',
            'model.distiller.connectors.kernel_s.1.gather=True'
        ],
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / 'run/last_checkpoint').exists()
