"""A student is loaded completely from a checkpoint, or there is an error."""
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain import get_model
from mmrazor.registry import MODELS

from mmcckd.export import load_student

ROOT = Path(__file__).parent.parent.parent
DIGITS = ROOT / 'configs/cckd/r18w16_r10w6_digits.py'


def train(work_dir, type='FrozenTeacherDistill', hooks=()):
    """Two iterations of a real run; its runner."""
    cfg = Config.fromfile(DIGITS)
    cfg.model.teacher_ckpt = None
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = str(work_dir)
    cfg.log_level = 'ERROR'
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.train_cfg = dict(by_epoch=False, max_iters=2)
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', by_epoch=False, interval=2)
    cfg.custom_hooks = list(hooks)
    cfg.model.type = type
    if type != 'FrozenTeacherDistill':
        del cfg.model['student_loss_weight']
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp('run'))


@pytest.fixture(scope='module')
def checkpoint(run):
    return f'{run.work_dir}/iter_2.pth'


def logits(model):
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 1, 8, 8, generator=generator)
    with torch.no_grad():
        return model.eval()(images, mode='tensor')


def test_is_the_student_of_the_run(run, checkpoint):
    student = load_student(checkpoint)
    assert not student.model.training
    assert torch.equal(logits(student.model), logits(run.model.student))
    assert student.meta['iter'] == 2
    assert student.meta['dataset_meta']['classes'] == run.train_dataloader \
        .dataset.metainfo['classes']
    assert student.meta['cfg'] == student.config.pretty_text
    assert student.meta['mmpretrain_version'] == '1.2.0'
    assert not student.averaged


def test_without_the_prefix_of_a_wrapper(run, checkpoint, tmp_path):
    """As MMEngine's DDPStrategy saves it."""
    content = torch.load(checkpoint, weights_only=False)
    content['state_dict'] = {
        f'module.{name}': tensor
        for name, tensor in content['state_dict'].items()
    }
    path = str(tmp_path / 'wrapped.pth')
    torch.save(content, path)
    student = load_student(path)
    assert torch.equal(logits(student.model), logits(run.model.student))


def test_the_teacher_of_mmrazors_own_algorithm_stays_behind(tmp_path):
    run = train(tmp_path, type='SingleTeacherDistill')
    path = f'{tmp_path}/iter_2.pth'
    names = torch.load(path, weights_only=False)['state_dict']
    assert any(name.startswith('teacher.') for name in names)
    student = load_student(path)
    assert torch.equal(logits(student.model), logits(run.model.student))


def test_is_the_averaged_student_where_there_is_one(tmp_path):
    run = train(tmp_path, hooks=[dict(type='EMAHook', momentum=0.4)])
    hook = next(h for h in run.hooks if type(h).__name__ == 'EMAHook')
    student = load_student(f'{tmp_path}/iter_2.pth')
    assert student.averaged
    averaged = logits(hook.ema_model.module.student)
    assert torch.equal(logits(student.model), averaged)
    assert not torch.equal(averaged, logits(run.model.student))


def test_a_config_file_takes_the_place_of_the_checkpoints(
        run, checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=False)
    del content['meta']
    path = str(tmp_path / 'without_config.pth')
    torch.save(content, path)
    with pytest.raises(ValueError, match=r'there is no config. .* --config'):
        load_student(path)
    student = load_student(path, str(DIGITS))
    assert torch.equal(logits(student.model), logits(run.model.student))
    assert 'epoch' not in student.meta

    other = str(ROOT / 'configs/baseline/r18w16_digits.py')
    with pytest.raises(ValueError, match=r'does not fit that of .*r18w16_dig'
                       r'(.|\n)*missing(.|\n)*other shape'):
        load_student(path, other)
    with pytest.raises(ValueError, match='The student of /no.py cannot be b'):
        load_student(path, '/no.py')


def test_no_student(tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/baseline/r10w6_digits.py')
    path = str(tmp_path / 'plain.pth')
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), path)
    with pytest.raises(ValueError, match=r'has no student: expected tensors '
                       r'named architecture.\*, but found backbone, head\.'):
        load_student(path)
    torch.save(dict(state_dict={}), path)
    with pytest.raises(ValueError, match='holds no weights'):
        load_student(path)


def test_no_checkpoint(tmp_path):
    path = str(tmp_path / 'x.pth')
    with pytest.raises(FileNotFoundError, match=re.escape(path)):
        load_student(path)
    Path(path).write_text('no checkpoint')
    with pytest.raises(ValueError, match='was refused: it is not a checkp'):
        load_student(path)
    torch.save([1], path)
    with pytest.raises(ValueError, match='holds no weights: .* found a list'):
        load_student(path)
    torch.save(dict(model=torch.ones(1)), path)
    with pytest.raises(ValueError, match='has no student: .* found model'):
        load_student(path)


class Evil:

    def __reduce__(self):
        return open, ('pwned', 'w')


@pytest.mark.parametrize('change, message', [
    (dict(evil=Evil()), 'could run code when loaded'),
    (dict(meta=dict(cfg="x = open('pwned', 'w')")), 'is not plain data'),
    (dict(
        meta=dict(cfg=(
            "model = dict(architecture=dict(type='ImageClassifier',"
            "backbone=dict(type='os.system', command='touch pwned')))\n"
            "test_dataloader = dict(batch_size=1)\n"
            "test_evaluator = dict(type='Accuracy')"))),
     "has the type 'os.system', which is not in a registry"),
], ids=['pickle', 'call', 'type'])
def test_a_checkpoint_runs_no_code(change, message, checkpoint, tmp_path,
                                   monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = torch.load(checkpoint, weights_only=False)
    torch.save(dict(content, **change), 'evil.pth')
    with pytest.raises(ValueError, match=message):
        load_student('evil.pth')
    assert [path.name for path in tmp_path.iterdir()] == ['evil.pth']


def test_get_model_of_the_config_is_the_same(checkpoint):
    student = load_student(checkpoint)
    again = get_model(Config.fromstring(student.meta['cfg'], '.py'))
    again.load_state_dict(student.model.state_dict())
    assert torch.equal(logits(again), logits(student.model))
