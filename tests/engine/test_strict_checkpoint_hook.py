"""A runner loads checkpoints that fit the model, and no others."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.nn.parallel import DataParallel

from mmcckd.engine import StrictCheckpointHook
from mmcckd.export import load_student

ROOT = Path(__file__).parent.parent.parent
CCKD = 'configs/cckd/r18w16_r10w6_digits.py'
TEACHER = 'configs/baseline/r18w16_digits.py'
STUDENT = 'configs/baseline/r10w6_digits.py'
AVERAGING = dict(type='EMAHook', momentum=0.4)


class Seen(Hook):
    """The parameters of the student before each iteration."""

    def __init__(self):
        self.parameters = []

    def _see(self, runner, *_, **__):
        model = getattr(runner.model, 'module', runner.model)
        model = getattr(model, 'student', model)
        self.parameters.append({
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
        })

    before_train_iter = before_test_iter = _see


def make_runner(work_dir, config, hooks=(), **options):
    cfg = Config.fromfile(ROOT / config)
    if 'teacher_ckpt' in cfg.model:
        cfg.model.teacher_ckpt = None
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir),
            experiment_name=f'{work_dir} {config} {options}',
            log_level='ERROR',
            train_cfg=dict(_delete_=True, by_epoch=False, max_iters=4),
            default_hooks=dict(
                checkpoint=dict(by_epoch=False, interval=4)),
            custom_hooks=list(hooks),
            **options))
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    runner = Runner.from_cfg(cfg)
    runner.register_hook(StrictCheckpointHook())
    runner.seen = Seen()
    runner.register_hook(runner.seen)
    return runner


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Of real runs of four iterations, with averaged weights."""
    root = tmp_path_factory.mktemp('runs')
    runs = dict(alone=STUDENT, cckd=CCKD, teacher=TEACHER)
    for seed, (name, config) in enumerate(runs.items(), 1):
        make_runner(
            root / name, config, [AVERAGING],
            randomness=dict(seed=seed)).train()
    return {name: str(root / name / 'iter_4.pth') for name in runs}


def parameters(path, prefix='', averaged=True):
    """The student's in a checkpoint."""
    content = torch.load(path, weights_only=False)
    weights = content['state_dict']
    if not averaged:
        weights = {
            name[len('module.'):]: tensor
            for name, tensor in content['ema_state_dict'].items()
        }
    return {
        name[len(prefix):]: tensor
        for name, tensor in weights.items() if name.startswith(prefix)
    }


def same(one, other):
    return all(torch.equal(tensor, other[key]) for key, tensor in one.items())


@pytest.fixture(scope='module')
def exported(checkpoints, tmp_path_factory):
    path = tmp_path_factory.mktemp('exported') / 'student.pth'
    student = load_student(checkpoints['cckd'])
    torch.save(
        dict(state_dict=student.model.state_dict(), meta=student.meta), path)
    return str(path)


@pytest.mark.parametrize('hooks', [[], [AVERAGING]], ids=['', 'averaging'])
@pytest.mark.parametrize('config, name, prefix', [
    (STUDENT, 'alone', ''),
    (CCKD, 'alone', ''),
    (CCKD, 'cckd', 'architecture.'),
    (STUDENT, 'cckd', 'architecture.'),
])
def test_what_is_tested_is_the_student(config, name, prefix, hooks,
                                       checkpoints, tmp_path):
    """The averaged weights, as MMEngine saves them to be deployed."""
    runner = make_runner(
        tmp_path, config, hooks, load_from=checkpoints[name])
    assert 0 <= runner.test()['accuracy/top1'] <= 100
    seen = runner.seen.parameters[0]
    assert same(seen, parameters(checkpoints[name], prefix))
    averages = parameters(checkpoints[name], prefix, averaged=False)
    assert not same(seen, averages)


@pytest.mark.parametrize('config, name, prefix', [
    (CCKD, 'alone', ''),
    (STUDENT, 'cckd', 'architecture.'),
])
def test_both_weights_are_tested_where_both_are_asked_for(
        config, name, prefix, checkpoints, tmp_path):
    runner = make_runner(
        tmp_path,
        config, [dict(AVERAGING, evaluate_on_ema=False)],
        load_from=checkpoints[name])
    runner.test()
    assert same(runner.seen.parameters[0],
                parameters(checkpoints[name], prefix, averaged=False))


def test_the_exported_student_is_as_good_in_both_configs(
        checkpoints, exported, tmp_path):
    accuracies = [
        make_runner(tmp_path / str(n), config, load_from=path).test()
        for n, (config, path) in enumerate([
            (CCKD, checkpoints['cckd']),
            (STUDENT, checkpoints['cckd']),
            (CCKD, exported),
            (STUDENT, exported),
        ])
    ]
    assert accuracies[1:] == accuracies[:1] * 3


@pytest.mark.parametrize('name, hooks', [
    ('alone', [AVERAGING]), ('alone', []), ('exported', [])])
def test_training_starts_from_the_student(name, hooks, checkpoints, exported,
                                          tmp_path):
    path = checkpoints.get(name, exported)
    runner = make_runner(tmp_path, CCKD, hooks, load_from=path)
    runner.train()
    assert same(runner.seen.parameters[0], parameters(path))
    assert not same(runner.seen.parameters[1], parameters(path))
    assert runner.iter == 4  # a new run


@pytest.mark.parametrize('work', ['train', 'test'])
def test_the_teachers_is_refused(work, checkpoints, tmp_path):
    runner = make_runner(tmp_path, CCKD, load_from=checkpoints['teacher'])
    with pytest.raises(
            ValueError, match=r'fit(.|\n)*It is the checkpoint of the teach'):
        getattr(runner, work)()
    assert not runner.seen.parameters


def test_a_classifier_takes_no_other(checkpoints, tmp_path):
    runner = make_runner(tmp_path, STUDENT, load_from=checkpoints['teacher'])
    with pytest.raises(ValueError, match=r'does not fit(.|\n)*other shape'):
        runner.test()


@pytest.mark.parametrize('content, found', [
    ([1], 'a list'), (dict(model=dict()), r"keys \['model'\]")])
def test_no_weights(content, found, tmp_path):
    path = str(tmp_path / 'x.pth')
    torch.save(content, path)
    runner = make_runner(tmp_path, STUDENT, load_from=path)
    with pytest.raises(ValueError, match=f'x.pth holds no w.*found {found}'):
        runner.test()


@pytest.mark.parametrize('name, message', [
    ('alone', 'it belongs to another model than that of the config. To start '
     r"a new run from its weights, set load_from='.*.pth' and remove --resume"
     ),
    ('exported', 'it has no message_hub, which a run saves'),
    ('bare', 'it has no meta and no message_hub, which a run saves'),
])
def test_only_a_run_is_resumed(name, message, checkpoints, exported,
                               tmp_path):
    path = checkpoints.get(name, exported)
    if name == 'bare':
        path = str(tmp_path / 'bare.pth')
        torch.save(parameters(checkpoints['alone']), path)
    runner = make_runner(tmp_path, CCKD, load_from=path, resume=True)
    with pytest.raises(ValueError, match=f'cannot be resumed from: {message}'):
        runner.train()


def test_a_run_is_resumed(checkpoints, tmp_path):
    runner = make_runner(
        tmp_path, CCKD, [AVERAGING],
        load_from=checkpoints['cckd'], resume=True)
    runner.train_loop._max_iters = 6
    runner.train()
    # With what the average was taken over.
    assert same(runner.seen.parameters[0], parameters(
        checkpoints['cckd'], 'architecture.', averaged=False))
    assert len(runner.seen.parameters) == 2


@pytest.mark.parametrize('lost, warning', [
    ('optimizer', 'x.pth has no state of the optimizer, which is reset.'),
    ('param_schedulers', 'no state of the parameter schedulers, which'),
    ('EMAHook', 'x.pth has weights averaged by an EMAHook'),
])
def test_what_a_resumed_run_lost_is_said(lost, warning, checkpoints, tmp_path,
                                         monkeypatch):
    content = torch.load(checkpoints['cckd'], weights_only=False)
    content.pop(lost, None)
    path = str(tmp_path / 'x.pth')
    torch.save(content, path)
    hooks = [] if lost == 'EMAHook' else [AVERAGING]
    runner = make_runner(tmp_path, CCKD, hooks, load_from=path, resume=True)
    said = []
    monkeypatch.setattr(runner.logger, 'handle',
                        lambda record: said.append(record.getMessage()))
    runner.logger.setLevel('WARNING')
    runner.train()  # which was over
    assert [warning in line for line in said if 'x.pth' in line] == [True]


def test_a_wrapped_model(checkpoints, tmp_path):
    runner = make_runner(tmp_path, CCKD)
    model = runner.model
    runner.model = DataParallel(model)
    runner.load_checkpoint(checkpoints['alone'])
    assert same(model.student.state_dict(), parameters(checkpoints['alone']))
    with pytest.raises(ValueError, match='The checkpoint that is loaded does'):
        runner.load_checkpoint(checkpoints['teacher'])


def test_augmented_tests_of_averaged_weights(checkpoints, tmp_path):
    """MMEngine's average of the wrapper has other names."""
    cfg = Config.fromfile(ROOT / STUDENT)
    pipeline = cfg.test_dataloader.dataset.pipeline
    cfg.test_dataloader.dataset.pipeline = [
        dict(type='TestTimeAug', transforms=[[pipeline[-1]]])
    ]
    runner = make_runner(
        tmp_path, CCKD, [AVERAGING],
        load_from=checkpoints['cckd'],
        test_dataloader=cfg.test_dataloader,
        model=dict(
            _delete_=True,
            type='mmpretrain.AverageClsScoreTTA',
            module=dict(Config.fromfile(ROOT / CCKD).model,
                        _scope_='mmrazor', teacher_ckpt=None)))
    runner.test()
    assert same(runner.seen.parameters[0],
                parameters(checkpoints['cckd'], 'architecture.'))
