"""The samplers in real processes, made by the runner's own code."""
import json
from collections import Counter

import numpy as np
import pytest
from mmengine.registry import DATASETS
from processes import run_ranks

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
        dataset=json.loads(sys.argv[3]),
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_sampler=json.loads(sys.argv[2])))
plans = []
for epoch in range(2):
    loader.batch_sampler.sampler.set_epoch(epoch)
    plans.append(list(loader.batch_sampler))
rank = torch.distributed.get_rank()
json.dump(plans, open(f'{sys.argv[1]}/{rank}.json', 'w'))
'''


ALONE = dict(type='Digits', samples_per_class=20)
TWICE = dict(
    type='RepeatDataset',
    times=2,
    dataset=dict(type='Digits', samples_per_class=10))


@pytest.mark.parametrize('name, dataset', [
    ('CURSampler', ALONE),
    ('SURSampler', TWICE),
])
def test_ranks_share_a_plan(name, dataset, tmp_path):
    """Without a seed too: the runner then agrees on a random one."""
    digits = DATASETS.build(dataset.get('dataset', dataset))
    labels = digits.get_gt_labels()
    batch_sampler = dict(type='CURSampler', samples_per_class=4)
    if name == 'SURSampler':
        path = str(tmp_path / 'superclasses.npz')
        Superclasses(labels, np.zeros((10, 2)),
                     dict(dataset=fingerprint_dataset(digits))).save(path)
        batch_sampler = dict(type='SURSampler', superclasses=path)
    ranks = run_ranks(CODE, WORLD_SIZE, tmp_path, json.dumps(batch_sampler),
                      json.dumps(dataset))
    labels = np.tile(labels, 200 // len(labels))
    for rank in ranks:
        assert rank.returncode == 0, rank.stderr

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
