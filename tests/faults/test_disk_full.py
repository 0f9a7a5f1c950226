"""A full disk is a clear error, and costs no checkpoint."""
import os
import subprocess
from functools import partial

import pytest
from disturbances import limit_file_size
from run_folders import assert_complete, assert_same_end, last_checkpoint


def test_a_checkpoint_that_does_not_fit(digits, tmp_path):
    two = ['--cfg-options', 'train_cfg.max_epochs=2']
    digits.start(tmp_path, *two).succeed()
    before = sorted(os.listdir(tmp_path))
    size = (tmp_path / 'epoch_2.pth').stat().st_size
    run = digits.start(
        tmp_path, '--resume', prepare=partial(limit_file_size, size - 1))
    assert run.wait() == 1
    assert f'{tmp_path}/epoch_3.pth cannot be written: File too large' in (
        run.log)
    assert 'a training continues with --resume' in run.log
    assert set(before) <= set(os.listdir(tmp_path))
    assert not list(tmp_path.glob('.*'))
    assert last_checkpoint(tmp_path)['meta']['epoch'] == 2
    assert_complete(tmp_path)
    digits.start(tmp_path, '--resume').succeed()
    assert_same_end(tmp_path, digits.undisturbed)


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason='only root can mount')
def test_a_full_disk(digits, tmp_path):
    """With each checkpoint kept, until they do not fit."""

    def mount(options):
        subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs',
                        str(tmp_path)], check=True)

    mount('size=600k')
    try:
        keep = ['--cfg-options', 'default_hooks.checkpoint.max_keep_ckpts=-1',
                'default_hooks.checkpoint.save_best=None']
        run = digits.start(tmp_path, *keep)
        assert run.wait() == 1
        assert ('cannot be written: No space left on device, and 0.' in
                run.log), run.log[-3000:]
        epoch = last_checkpoint(tmp_path)['meta']['epoch']
        assert 1 <= epoch < 6
        assert_complete(tmp_path)
        assert not list(tmp_path.glob('.*'))
        mount('remount,size=20m')
        digits.start(tmp_path, *keep, '--resume').succeed()
        for path in tmp_path.glob('epoch_[!6].pth'):
            path.unlink()
        for path in digits.undisturbed.glob('best_*'):
            path.unlink()
        assert_same_end(tmp_path, digits.undisturbed)
    finally:
        subprocess.run(['umount', str(tmp_path)], check=True)
