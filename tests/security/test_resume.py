"""Resuming from a checkpoint of somebody else runs and deletes nothing."""
import functools
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmcckd.engine import build_runner
from tests.malicious import Trace

RECIPE = (
    Path(__file__).parents[2] / 'configs/baseline/r10w6_digits.py')


@pytest.fixture
def trace(tmp_path):
    return Trace(tmp_path)


def train(work_dir, epochs, kind, load_from=None, save_best='auto'):
    """Train with few samples, validate after each epoch."""
    cfg = Config.fromfile(RECIPE)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    cfg.log_level = 'ERROR'
    cfg.train_cfg = dict(by_epoch=True, max_epochs=epochs, val_interval=1)
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', interval=1, save_best=save_best,
        max_keep_ckpts=2)
    for name in ('train_dataloader', 'val_dataloader'):
        cfg[name].dataset.indices = 64
        cfg[name].num_workers = 0
        cfg[name].persistent_workers = False
    cfg.val_evaluator.topk = (1, 5)
    cfg.runner_type = kind
    cfg.load_from, cfg.resume = load_from, load_from is not None
    runner = build_runner(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def content(tmp_path_factory):
    """Of the checkpoint after an epoch."""
    folder = tmp_path_factory.mktemp('run')
    train(folder, 1, 'Runner')
    return functools.partial(
        torch.load, folder / 'epoch_1.pth', weights_only=False)


@pytest.mark.parametrize('kind', ['Runner', 'FlexibleRunner'])
def test_the_config_in_a_checkpoint_is_not_run(content, trace, tmp_path,
                                               kind):
    checkpoint = content()
    checkpoint['meta']['config'] = trace.code
    torch.save(checkpoint, tmp_path / 'evil.pth')
    runner = train(tmp_path / 'run', 2, kind, str(tmp_path / 'evil.pth'))
    assert runner.epoch == 2
    assert not trace.is_left


def forge_best(checkpoint, path, name='best_ckpt', score='best_score'):
    info = checkpoint['message_hub']['runtime_info']
    info.update({name: str(path), score: -1.})
    checkpoint['message_hub']['resumed_keys'].update({name: True, score: True})


def test_other_files_are_not_deleted(content, tmp_path):
    folder = tmp_path / 'of_the_user'
    folder.mkdir()
    (folder / 'best_model.pth').touch()
    for victim in (folder, folder / 'best_model.pth'):
        checkpoint = content()
        forge_best(checkpoint, victim)
        checkpoint['message_hub']['runtime_info']['keep_ckpt_ids'] = [
            '/../../of_the_user/best_model', '', '']
        torch.save(checkpoint, tmp_path / 'evil.pth')
        (tmp_path / 'run/epoch_').mkdir(parents=True, exist_ok=True)
        train(tmp_path / 'run', 2, 'Runner', str(tmp_path / 'evil.pth'))
        assert (folder / 'best_model.pth').exists()


def test_other_files_are_not_deleted_with_several_metrics(content, tmp_path):
    folder = tmp_path / 'of_the_user'
    folder.mkdir()
    checkpoint = content()
    metrics = ['accuracy/top1', 'accuracy/top5']
    for metric in metrics:
        forge_best(checkpoint, folder, f'best_ckpt_{metric}',
                   f'best_score_{metric}')
    torch.save(checkpoint, tmp_path / 'evil.pth')
    train(tmp_path / 'run', 2, 'Runner', str(tmp_path / 'evil.pth'),
          save_best=metrics)
    assert folder.exists()


def test_the_best_checkpoint_of_the_run_is_replaced(content, tmp_path):
    """As without mmcckd."""
    best = tmp_path / 'run/best_accuracy_top1_epoch_0.pth'
    best.parent.mkdir()
    best.touch()
    checkpoint = content()
    forge_best(checkpoint, best)
    torch.save(checkpoint, tmp_path / 'epoch_1.pth')
    train(tmp_path / 'run', 2, 'Runner', str(tmp_path / 'epoch_1.pth'))
    assert not best.exists()
    assert len(list(best.parent.glob('best_*'))) == 1
