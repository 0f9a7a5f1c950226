from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmcckd.engine import ClassCheckHook

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def digits(tmp_path):
    cfg = Config.fromfile(
        ROOT / 'configs/baseline/kd_r18w16_r10w6_digits.py')
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.train_cfg.max_epochs = 1
    cfg.model.teacher_ckpt = None
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    return cfg


def runner_of(cfg):
    runner = Runner.from_cfg(cfg)
    runner.register_hook(dict(type='ClassCheckHook'))
    return runner


def test_a_right_recipe(digits):
    runner = runner_of(digits)
    runner.train()
    assert runner.iter == len(runner.train_dataloader)


def test_labels_out_of_range(digits):
    for network in (digits.model.architecture, digits.model.teacher):
        network.head.num_classes = 7
    with pytest.raises(
            ValueError,
            match='The sample without a path has the label [789], but the '
            'head has num_classes=7, so labels are 0 to 6. Set model.architect'
            'ure.head.num_classes, and num_classes of'):
        runner_of(digits).train()


def test_a_loop_that_gives_several_batches_at_once(digits):
    runner = Runner.from_cfg(digits)
    ClassCheckHook().before_train_iter(runner, 0, data_batch=[{}, {}])


@pytest.mark.parametrize('part', ['val', 'test'])
def test_a_topk_that_there_is_not(part, digits):
    digits[f'{part}_evaluator'] = dict(type='Accuracy', topk=(1, 11))
    runner = runner_of(digits)
    with pytest.raises(
            ValueError,
            match=f'{part}_evaluator asks for the top-11 accuracy, but the '
            r'head has num_classes=10. Set .*, such as \(1, \)'):
        runner.train() if part == 'val' else runner.test()
    assert runner.iter == 0


def test_class_folders(digits, tmp_path):
    for number in range(11):
        (tmp_path / f'data/{number}').mkdir(parents=True)
        (tmp_path / f'data/{number}/0.png').touch()
    digits.train_dataloader.dataset = dict(
        type='RepeatDataset', times=2, dataset=dict(
            type='CustomDataset', data_root=str(tmp_path / 'data')))
    with pytest.raises(
            ValueError,
            match='data/? has 11 class folders, but the head has num_classes='
            '10. Set model.architecture.head.num_classes'):
        runner_of(digits).train()
