"""The samplers in real processes, made by the runner's own code."""
import json
import os
import socket
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from mmcckd.datasets import Digits
from mmcckd.superclasses import Superclasses, fingerprint_dataset

WORLD_SIZE = 2
CODE = '''
import json, sys
import mmcckd, torch
from mmengine.runner import Runner

torch.distributed.init_process_group('gloo')
loader = Runner.build_dataloader(
    dict(
        batch_size=20,
        num_workers=0,
        dataset=dict(type='Digits', samples_per_class=20),
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_sampler=json.loads(sys.argv[2])))
plans = []
for epoch in range(2):
    loader.batch_sampler.sampler.set_epoch(epoch)
    plans.append(list(loader.batch_sampler))
json.dump(plans, open(sys.argv[1], 'w'))
'''


@pytest.mark.parametrize('name', ['CURSampler', 'SURSampler'])
def test_ranks_share_a_plan(name, tmp_path):
    """Without a seed too: the runner then agrees on a random one."""
    digits = Digits(samples_per_class=20)
    labels = digits.get_gt_labels()
    batch_sampler = dict(type='CURSampler', samples_per_class=4)
    if name == 'SURSampler':
        path = str(tmp_path / 'superclasses.npz')
        Superclasses(labels, np.zeros((10, 2)),
                     dict(dataset=fingerprint_dataset(digits))).save(path)
        batch_sampler = dict(type='SURSampler', superclasses=path)
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', CODE,
             str(tmp_path / f'{rank}.json'), json.dumps(batch_sampler)],
            env=dict(
                os.environ,
                RANK=str(rank),
                LOCAL_RANK=str(rank),
                WORLD_SIZE=str(WORLD_SIZE),
                MASTER_ADDR='127.0.0.1',
                MASTER_PORT=str(port),
                OMP_NUM_THREADS='1'),
            stderr=subprocess.PIPE,
            text=True) for rank in range(WORLD_SIZE)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors

    plans = np.array([
        json.loads((tmp_path / f'{rank}.json').read_text())
        for rank in range(WORLD_SIZE)
    ])  # rank, epoch, step, sample
    assert not np.array_equal(plans[:, 0], plans[:, 1])
    for epoch in range(2):
        for step in range(plans.shape[2]):
            batch = plans[:, epoch, step].ravel()
            assert Counter(labels[batch]) == dict.fromkeys(range(10), 4)
        assert len(set(plans[:, epoch].ravel())) == 200
