import pytest
import torch
from mmengine.config import Config
from processes import run_ranks

from mmcckd.engine import init_distributed

CODE = '''
import atexit
import mmcckd, torch
from mmcckd.engine import init_distributed
from mmengine.config import Config

# What was registered first runs last.
atexit.register(lambda: print('group:', torch.distributed.is_initialized()))
cfg = Config(dict(env_cfg=dict(dist_cfg=dict(backend='nccl', timeout=60))))
init_distributed('pytorch', cfg)
assert torch.distributed.get_backend() == 'gloo'
assert torch.distributed.get_world_size() == 2
assert cfg.env_cfg.dist_cfg == dict(backend='gloo', timeout=60)
assert cfg.model_wrapper_cfg.device_ids is None
assert cfg.model_wrapper_cfg.find_unused_parameters is False
init_distributed('pytorch', cfg)  # once more changes nothing
'''
OWN_WRAPPER = '''
import mmcckd
from mmcckd.engine import init_distributed
from mmengine.config import Config

wrapper = dict(type='MMSeparateDistributedDataParallel')
cfg = Config(dict(model_wrapper_cfg=wrapper))
init_distributed('pytorch', cfg)
assert cfg.model_wrapper_cfg == dict(wrapper, device_ids=None)
'''


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_gloo_where_there_is_no_gpu():
    for rank in run_ranks(CODE, 2):
        assert rank.returncode == 0, rank.stderr
        # A group that outlives the interpreter can abort the process.
        assert 'group: False' in rank.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_wrapper_of_the_recipes_names_no_gpu():
    rank, = run_ranks(OWN_WRAPPER, 1)
    assert rank.returncode == 0, rank.stderr


def test_nothing_without_a_launcher():
    cfg = Config()
    init_distributed('none', cfg)
    assert not torch.distributed.is_initialized()
    assert cfg.to_dict() == {}


@pytest.mark.parametrize('variable', [
    'LOCAL_WORLD_SIZE',  # of torch.distributed.run
    'SLURM_NTASKS_PER_NODE',
    'OMPI_COMM_WORLD_LOCAL_SIZE',
])
def test_more_processes_than_gpus(variable, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setenv(variable, '8')
    with pytest.raises(
            ValueError,
            match='8 processes were started.*but it has 2.*at most 2'):
        init_distributed('pytorch', Config())
