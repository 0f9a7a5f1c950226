"""What a run has left in its work dir."""
from pathlib import Path

import torch
from checkpoints import read

STATES = ['state_dict', 'optimizer', 'param_schedulers', 'ema_state_dict']


def last_checkpoint(work_dir):
    """What --resume reads."""
    return read((Path(work_dir) / 'last_checkpoint').read_text())


def assert_complete(work_dir):
    """What --resume would read is complete, and so is the rest."""
    for path in Path(work_dir).glob('*.pth'):
        if not path.name.startswith('.'):
            assert 'state_dict' in read(path)
    if (Path(work_dir) / 'last_checkpoint').exists():
        last_checkpoint(work_dir)


def assert_same_end(work_dir, undisturbed):
    """Two runs ended with the same files, bit for bit."""
    for one, other in zip(_files(work_dir), _files(undisturbed)):
        assert one.name == other.name
        one, other = read(one), read(other)
        for key in 'epoch', 'iter':
            assert one['meta'][key] == other['meta'][key]
        for name in STATES:
            assert_equal(one.get(name), other.get(name))
    assert _files(work_dir)[-1].name == Path(
        (Path(work_dir) / 'last_checkpoint').read_text()).name


def _files(work_dir):
    return sorted(Path(work_dir).glob('[!.]*.pth'))


def assert_equal(one, other):
    """Two nested containers of tensors and plain data are equal."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            assert_equal(a, b)
    else:
        assert one == other
