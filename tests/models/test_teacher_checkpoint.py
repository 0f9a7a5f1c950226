"""A teacher's checkpoint fits exactly, or there is an error that says why."""
import re

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModule
from torch import nn

from mmcckd.models.algorithms.teacher_checkpoint import load_teacher_checkpoint


class Teacher(BaseModule):

    def __init__(self, width=4):
        super().__init__()
        self.fc = nn.Linear(3, width)
        self.bn = nn.BatchNorm1d(width)


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'teacher.pth'


@pytest.mark.parametrize('wrap', [
    lambda state: state,
    lambda state: dict(state_dict=state, meta=dict(epoch=1)),
    lambda state: dict(state_dict={f'module.{k}': v for k, v in state.items()}
                       ),
], ids=['bare', 'mmengine', 'DataParallel'])
def test_loads_what_fits(path, wrap):
    source, teacher = Teacher(), Teacher()
    torch.save(wrap(source.state_dict()), path)
    load_teacher_checkpoint(teacher, str(path))
    for name, tensor in source.state_dict().items():
        assert torch.equal(teacher.state_dict()[name], tensor)
    assert teacher.is_init


def test_loads_a_training_checkpoint_with_its_log(path):
    source, teacher = Teacher(), Teacher()
    hub = MessageHub.get_instance('teacher hub')
    hub.update_scalar('loss', np.float32(1))
    torch.save(
        dict(state_dict=source.state_dict(), message_hub=hub.state_dict()),
        path)
    load_teacher_checkpoint(teacher, str(path))
    assert torch.equal(teacher.fc.weight, source.fc.weight)


def test_a_path_is_taken_too(path):
    source, teacher = Teacher(), Teacher()
    torch.save(source.state_dict(), path)
    load_teacher_checkpoint(teacher, path)
    assert torch.equal(teacher.fc.weight, source.fc.weight)


def test_missing_file(path):
    with pytest.raises(
            FileNotFoundError,
            match=f'No teacher checkpoint at {re.escape(str(path))}; set'):
        load_teacher_checkpoint(Teacher(), str(path))


def test_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='set model.teacher_ckpt to'):
        load_teacher_checkpoint(Teacher(), str(tmp_path))


def test_no_checkpoint(path):
    path.write_bytes(b'This is no checkpoint.\n')
    with pytest.raises(ValueError, match='refused: it is not a checkpoint'):
        load_teacher_checkpoint(Teacher(), str(path))


def test_checkpoint_without_weights(path):
    torch.save(dict(epoch=3), path)
    with pytest.raises(ValueError, match='holds no weights.*found keys'):
        load_teacher_checkpoint(Teacher(), str(path))


def test_misfits_are_listed(path):
    state = Teacher().state_dict()
    del state['fc.bias']
    state['head.weight'] = torch.ones(1)
    torch.save(state, path)
    with pytest.raises(ValueError, match='does not fit the teacher') as error:
        load_teacher_checkpoint(Teacher(), str(path))
    assert 'missing (1): fc.bias' in str(error.value)
    assert 'unexpected (1): head.weight' in str(error.value)

    torch.save(Teacher(width=5).state_dict(), path)
    with pytest.raises(ValueError, match=r'other shape \(6\): ') as error:
        load_teacher_checkpoint(Teacher(), str(path))
    assert 'fc.weight (5, 3) for (4, 3)' in str(error.value)


def test_numbers_of_batches_may_be_missing(path):
    """No network computes with them."""
    source, teacher = Teacher(), Teacher()
    state = source.state_dict()
    del state['bn.num_batches_tracked']
    torch.save(state, path)
    load_teacher_checkpoint(teacher, path)
    assert torch.equal(teacher.fc.weight, source.fc.weight)


@pytest.mark.parametrize('prefixes', [['architecture'],
                                      ['architecture', 'teacher']])
def test_checkpoint_of_a_distillation(path, prefixes):
    """Of FrozenTeacherDistill, and of MMRazor's, which holds the teacher."""
    torch.save(
        dict(
            state_dict={
                f'{prefix}.{name}': tensor
                for prefix in prefixes
                for name, tensor in Teacher().state_dict().items()
            }), path)
    with pytest.raises(
            ValueError,
            match=r'is of a distillation\. .*export_student.py .*teacher.pth '
            'teacher.pth'):
        load_teacher_checkpoint(Teacher(), path)


def test_a_long_list_of_misfits_is_cut(path):
    torch.save({f'layer{i}': torch.ones(1) for i in range(1000)}, path)
    with pytest.raises(ValueError, match=r'unexpected \(1000\).*, …') as error:
        load_teacher_checkpoint(Teacher(), str(path))
    assert len(str(error.value)) < 2000
