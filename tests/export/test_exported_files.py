"""The files of an export, and errors if they cannot be written."""
import pytest
import torch
from mmengine.config import Config
from mmpretrain import get_model
from mmpretrain.models import ClsHead, ImageClassifier
from torch import nn

from mmcckd.export import OutputFiles, Student

CONFIG = Config(
    dict(
        default_scope='mmpretrain',
        model=dict(
            type='ImageClassifier',
            backbone=dict(type='LeNet5'),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', num_classes=10, in_channels=120)),
        test_dataloader=dict(
            dataset=dict(
                type='MNIST',
                pipeline=[
                    dict(type='Resize', scale=32),
                    dict(type='PackInputs')
                ]))))


@pytest.fixture
def student():
    return Student(
        model=get_model(CONFIG),
        config=CONFIG,
        meta=dict(epoch=3, cfg=CONFIG.pretty_text),
        source='epoch_3.pth',
        averaged=False)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writes_what_loads_again(student, tmp_path):
    files = OutputFiles(tmp_path / 'new' / 'folder' / 'out.pth')
    written = files.write(student)
    folder = tmp_path / 'new' / 'folder'
    assert written == [folder / 'out.pth', folder / 'out.py']
    assert names(folder) == ['out.pth', 'out.py']
    assert written[1].read_text().startswith(
        "# Made by tools/export_student.py, of 'epoch_3.pth'.\n")
    assert Config.fromfile(written[1]).to_dict() == CONFIG.to_dict()
    content = torch.load(written[0], weights_only=True)
    assert content['meta']['epoch'] == 3
    for name, tensor in student.model.state_dict().items():
        assert torch.equal(content['state_dict'][name], tensor)
        assert content['state_dict'][name].is_contiguous()


@pytest.mark.parametrize('there', ['out.pth', 'out.py', 'out.onnx'])
def test_what_is_there_stays_unless_told(there, student, tmp_path):
    out = tmp_path / 'out.pth'
    (tmp_path / there).write_text('of the user')
    with pytest.raises(FileExistsError, match=f'{there} exists, so it is lef'):
        OutputFiles(out, onnx=True)
    assert names(tmp_path) == [there]
    assert (tmp_path / there).read_text() == 'of the user'
    OutputFiles(out, onnx=True, overwrite=True).write(student)
    assert names(tmp_path) == ['out.onnx', 'out.pth', 'out.py']
    assert (tmp_path / there).read_bytes() != b'of the user'


def test_an_onnx_file_of_another_student_is_not_left_beside(tmp_path):
    (tmp_path / 'out.onnx').touch()
    with pytest.raises(FileExistsError, match='not match the new .*out.pth'):
        OutputFiles(tmp_path / 'out.pth', overwrite=True)


def test_what_is_read_is_never_replaced(tmp_path):
    for name in ('out.pth', 'out.py'):
        (tmp_path / name).touch()
        with pytest.raises(FileExistsError, match=f'{name} is an input of '):
            OutputFiles(
                tmp_path / 'out.pth',
                overwrite=True,
                inputs=['https://some/where.pth',
                        str(tmp_path / '.' / name)])
        (tmp_path / name).unlink()


def test_places_that_cannot_be(tmp_path):
    with pytest.raises(ValueError, match=r'out must be named \*.pth'):
        OutputFiles(tmp_path / 'out')
    (tmp_path / 'out.py').mkdir()
    with pytest.raises(ValueError, match='out.py is a folder'):
        OutputFiles(tmp_path / 'out.pth', overwrite=True)
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match='cannot be written: .* another pla'):
        OutputFiles(tmp_path / 'file' / 'out.pth')


class Undecided(nn.Module):
    """A network that a tracer cannot follow."""

    def forward(self, images):
        scale = 1.0 if images.shape[0] == 2 else 2.0
        return (scale * images.flatten(1), )


@pytest.mark.parametrize('older', [False, True])
def test_what_is_right_is_written_whatever_onnx_does(older, student, tmp_path):
    student.model = ImageClassifier(
        backbone=Undecided(), head=ClsHead()).eval()
    out = tmp_path / 'out.pth'
    if older:
        (tmp_path / 'out.onnx').write_text('of another student')
    files = OutputFiles(out, onnx=True, overwrite=older)
    with pytest.raises(ValueError) as info:
        files.write(student)
    text = str(info.value)
    assert text.startswith(
        'For a batch of 1, the ONNX file, traced with a batch of 2, differs '
        'from torch by 5.0e-01 of the largest value')
    assert (f'No ONNX file was written; {out} and {tmp_path}/out.py were '
            'written and are correct.') in text
    content = torch.load(out, weights_only=True)
    assert content['meta']['epoch'] == 3
    assert Config.fromfile(tmp_path / 'out.py').to_dict() == CONFIG.to_dict()
    if older:
        assert text.endswith(f'The older {tmp_path}/out.onnx was not '
                             'replaced, and is of another student.')
        assert (tmp_path / 'out.onnx').read_text() == 'of another student'
    assert names(tmp_path) == [*['out.onnx'][:older], 'out.pth', 'out.py']
