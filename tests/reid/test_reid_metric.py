"""The metric in MMEngine's evaluator, and in the runners of real processes."""
import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from mmcckd.reid.evaluation import evaluate_reid, reid_metric

NUM_SAMPLES = 101  # two processes see the first of them twice
CODE = '''
import json, sys
import mmcckd, numpy as np, torch
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.datasets import PackInputs

folder = sys.argv[1]
columns = np.load(folder + '/columns.npz')
torch.distributed.init_process_group('gloo')


class People(BaseDataset):

    def load_data_list(self):
        names = 'img', 'gt_label', 'camera_id', 'is_query'
        rows = zip(columns['img'], *(
            columns[name].tolist() for name in names[1:]))
        return [dict(zip(names, row)) for row in rows]


class Identity(BaseModel):

    def forward(self, inputs, data_samples, mode):
        for feature, sample in zip(inputs, data_samples):
            sample.set_field(feature, 'feature')
        return data_samples


metrics = []
for round_up in (True, False):
    pipeline = [PackInputs(meta_keys=('camera_id', 'is_query'))]
    runner = Runner(
        Identity(),
        work_dir=folder,
        test_cfg=dict(),
        test_evaluator=dict(
            type='ReIDMetric', collect_dir=folder + f'/{round_up}'),
        test_dataloader=dict(
            batch_size=7,
            num_workers=0,
            sampler=dict(
                type='DefaultSampler', shuffle=False, round_up=round_up),
            dataset=People(pipeline=pipeline)),
        log_level='ERROR',
        experiment_name=f'{round_up}')
    metrics.append(runner.test())
rank = torch.distributed.get_rank()
json.dump(metrics, open(folder + f'/{rank}.json', 'w'))
'''


def draw_columns():
    rng = np.random.default_rng(0)
    persons = rng.integers(8, size=NUM_SAMPLES)
    features = rng.standard_normal((8, 16))[persons]
    features += rng.standard_normal((NUM_SAMPLES, 16))
    return dict(
        img=features.astype(np.float32),
        gt_label=persons,
        camera_id=rng.integers(4, size=NUM_SAMPLES),
        is_query=rng.random(NUM_SAMPLES) < .3)


def evaluate(columns, **options):
    query = columns['is_query']
    return {
        f'reid/{name}': value
        for name, value in evaluate_reid(
            *(columns[name][part] for name in ('img', 'gt_label', 'camera_id')
              for part in (query, ~query)), **options).items()
    }


def test_two_processes_find_the_same_as_one(tmp_path):
    columns = draw_columns()
    np.savez(tmp_path / 'columns.npz', **columns)
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', CODE, str(tmp_path)],
            env=dict(
                os.environ,
                RANK=str(rank),
                LOCAL_RANK=str(rank),
                WORLD_SIZE='2',
                MASTER_ADDR='127.0.0.1',
                MASTER_PORT=str(port),
                OMP_NUM_THREADS='1'),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True) for rank in range(2)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    expected = evaluate(columns)
    for rank in range(2):
        found = json.loads((tmp_path / f'{rank}.json').read_text())
        assert found == [expected, expected]


def make_samples(columns):
    samples = []
    for feature, person, camera, query in zip(*columns.values()):
        sample = DataSample().set_gt_label(int(person))
        sample.set_field(torch.from_numpy(feature), 'feature')
        sample.set_metainfo(dict(camera_id=camera, is_query=query))
        samples.append(sample)
    return samples


@pytest.mark.parametrize('options', [
    dict(),
    dict(distance='euclidean', ranks=[1, 20]),
    dict(rerank=True),
])
def test_options_and_a_second_evaluation(options):
    evaluator = Evaluator(dict(type='ReIDMetric', **options))
    columns = draw_columns()
    samples = make_samples(columns)
    for _ in range(2):
        for begin in range(0, NUM_SAMPLES, 10):
            evaluator.process(samples[begin:begin + 10])
        assert evaluator.evaluate(NUM_SAMPLES) == evaluate(columns, **options)


def test_keeps_the_features_in_float32_and_nothing_else():
    metric = reid_metric.ReIDMetric()
    whole = torch.rand(4, 1000, dtype=torch.float64, requires_grad=True)
    metric.process(None, [
        dict(feature=row[:8], gt_label=torch.tensor([3]), camera_id=5,
             is_query=torch.tensor(True)) for row in whole
    ])
    for (feature, *rest), row in zip(metric.results, whole):
        assert np.array_equal(feature, row[:8].detach().float())
        assert feature.dtype == np.float32 and feature.base.size == 4 * 8
        assert rest == [3, 5, True]


class TestBadInput:

    def process(self, **changes):
        sample = dict(
            feature=torch.ones(3), gt_label=1, camera_id=2, is_query=False)
        metric = reid_metric.ReIDMetric()
        metric.process(None, [{**sample, **changes}])
        return metric.evaluate(1)

    @pytest.mark.parametrize('options, error', [
        (dict(distance='l2'), ValueError),
        (dict(ranks=[0]), ValueError),
        (dict(ranks=1), TypeError),
        (dict(rerank=1), TypeError),
    ])
    def test_options(self, options, error):
        name, = options
        with pytest.raises(error, match=f'^{name} must be'):
            reid_metric.ReIDMetric(**options)

    @pytest.mark.parametrize('key', [
        'feature', 'gt_label', 'camera_id', 'is_query'])
    def test_key(self, key):
        sample = dict(
            feature=torch.ones(3), gt_label=1, camera_id=2, is_query=False)
        del sample[key]
        with pytest.raises(
                KeyError,
                match=f'needs {key} in .* has only {sorted(sample)[0]}, '):
            reid_metric.ReIDMetric().process(None, [sample])

    @pytest.mark.parametrize('changes', [
        dict(gt_label=torch.tensor([1, 2])),
        dict(camera_id=1.),
        dict(is_query=None),
    ])
    def test_values(self, changes):
        name, = changes
        with pytest.raises(ValueError, match=f'{name} .* must be one integer'):
            self.process(**changes)

    def test_shape(self):
        with pytest.raises(
                ValueError, match=r'of shape \(d, \), but is \(1, 3\)'):
            self.process(feature=torch.ones(1, 3))

    @pytest.mark.parametrize('is_query, name', [
        (False, 'query'), (True, 'gallery')])
    def test_one_split(self, is_query, name):
        with pytest.raises(
                ValueError, match=f'There is no {name} among 1 data samples'):
            self.process(is_query=is_query)
