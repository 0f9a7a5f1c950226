"""What ``load_strictly`` does itself; tests/tools has real runs."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import ConfigDict
from torch import nn

from mmcckd.engine import StrictCheckpointHook
from mmcckd.engine.checkpoint_checks import load_strictly


def test_the_teachers_of_a_data_free_distillation(tmp_path):
    path = str(tmp_path / 'x.pth')
    teacher, model, hooks = nn.Linear(2, 3), nn.Module(), []
    model.teachers = nn.ModuleDict(dict(big=teacher, small=nn.ReLU()))
    cfg = dict(teachers=dict(big=dict(ckpt_path=path), small=dict()))
    runner = SimpleNamespace(
        model=nn.DataParallel(model),
        cfg=ConfigDict(model=cfg),
        register_hook=hooks.append)

    weights = nn.Linear(2, 3).state_dict()
    torch.save(weights, path)
    load_strictly(runner)
    assert torch.equal(teacher.weight, weights['weight'])
    assert [type(hook) for hook in hooks] == [StrictCheckpointHook]

    torch.save(nn.Linear(2, 3, bias=False).state_dict(), path)
    with pytest.raises(ValueError, match=r'x.pth does not fit the teacher, a '
                       r'Linear:\n  missing \(1\): bias'):
        load_strictly(runner)
