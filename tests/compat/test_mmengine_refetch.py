from mmengine.dataset import BaseDataset
from mmpretrain.datasets import CustomDataset
from PIL import Image


def test_says_that_another_sample_takes_the_place(tmp_path, log):
    (tmp_path / 'a').mkdir()
    for name in '01234':
        Image.new('RGB', (4, 4)).save(tmp_path / f'a/{name}.png')
    (tmp_path / 'a/5.png').write_bytes(b'')
    (tmp_path / 'a/6.png').write_bytes(b'')
    dataset = CustomDataset(
        str(tmp_path),
        pipeline=[dict(type='LoadImageFromFile', ignore_empty=True)])
    for i in (5, 5, 6):
        assert dataset[i]['sample_idx'] != i
    message, = [
        record.getMessage() for record in log.records
        if record.levelname == 'WARNING'
    ]
    assert message.startswith(
        'The pipeline of CustomDataset returned None for a sample. MMEngine '
        'replaces this')
    assert 'remove ignore_empty' in message


def test_the_workaround_is_still_needed():
    """If this fails, compat/mmengine_refetch.py can be deleted."""
    assert 'log' not in BaseDataset._rand_another.__wrapped__.__code__.co_names
