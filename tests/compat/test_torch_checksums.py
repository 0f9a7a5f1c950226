import pytest
import torch
from mmengine.runner import CheckpointLoader

WEIGHTS = dict(x=torch.arange(100.))


def load(path):
    return CheckpointLoader.load_checkpoint(str(path), 'cpu', 'silent')


@pytest.fixture
def path(tmp_path):
    torch.save(WEIGHTS, tmp_path / 'epoch_1.pth')
    return tmp_path / 'epoch_1.pth'


def test_a_sound_file_is_loaded(path):
    assert torch.equal(load(path)['x'], WEIGHTS['x'])


def test_a_changed_weight_is_refused(path):
    content = path.read_bytes()
    place = content.index(WEIGHTS['x'].numpy().tobytes()) + 50
    path.write_bytes(content[:place] + b'?' + content[place + 1:])
    with pytest.raises(ValueError, match='epoch_1.pth was refused: it is dam'):
        load(path)


def test_a_file_without_its_end_is_refused(path):
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match='the end of the file is missing'):
        load(path)


def test_the_format_before_torch_1_6_has_no_checksums(path):
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False)
    assert torch.equal(load(path)['x'], WEIGHTS['x'])


def test_a_missing_file_is_an_error_of_mmengine(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.pth'):
        load(tmp_path / 'none.pth')
