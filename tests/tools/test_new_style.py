"""Each tool gives the same result for a text config and for its new style."""
import pickle
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import CheckpointLoader, save_checkpoint
from mmrazor.registry import MODELS
from new_style import write_new_style

from mmcckd.superclasses import Superclasses
from mmcckd.teacher_store import TeacherStore

ROOT = Path(__file__).parent.parent.parent
STYLES = ('text', 'classes')
OPTIONS = [
    'train_cfg.max_epochs=2', 'train_cfg.val_interval=2',
    'default_hooks.checkpoint.interval=1', 'param_scheduler.T_max=2'
]


@pytest.fixture(scope='module')
def teacher(tmp_path_factory):
    torch.manual_seed(0)
    cfg = Config.fromfile(ROOT / 'configs/cckd/r18w16_r10w6_digits.py')
    model = MODELS.build(cfg.model.teacher)
    model.init_weights()
    for module in model.modules():  # so that samples differ
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    save_checkpoint(dict(state_dict=model.state_dict()), str(path))
    return str(path)


@pytest.fixture(scope='module')
def recipes(teacher, tmp_path_factory):
    """The same two recipes in both styles: cckd.py, and kd.py with MMRazor's
    own algorithm, at the end of which an EMAHook is given as a class, too."""
    folder = tmp_path_factory.mktemp('recipes')
    found = {}
    for name, path in (('cckd', 'configs/cckd/r18w16_r10w6_digits.py'),
                       ('kd', 'configs/baseline/kd_r18w16_r10w6_digits.py')):
        cfg = Config.fromfile(ROOT / path)
        cfg.model.teacher_ckpt = teacher
        if name == 'kd':
            del cfg.model['student_loss_weight']
            cfg.model.type = 'SingleTeacherDistill'
            cfg.model.student_trainable = True
            cfg.val_cfg = dict(type='mmrazor.SingleTeacherDistillValLoop')
            cfg.custom_hooks = [dict(type='EMAHook', momentum=0.1)]
        for style in STYLES:
            (folder / style).mkdir(exist_ok=True)
            found[name, style] = folder / style / f'{name}.py'
        cfg.dump(found[name, 'text'])
        write_new_style(cfg, found[name, 'classes'])
    return found


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a tool in this process; returns what it prints."""

    def run_here(tool, *arguments):
        path = str(ROOT / 'tools' / f'{tool}.py')
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        monkeypatch.setenv('LOCAL_RANK', '0')
        capsys.readouterr()
        runpy.run_path(path, run_name='__main__')
        return capsys.readouterr().out

    return run_here


def load(path):
    return CheckpointLoader.load_checkpoint(
        str(path), map_location='cpu', logger='silent')


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.fixture(scope='module')
def trained(recipes, tmp_path_factory):
    """Folders of runs of cckd.py for two epochs, by style."""
    folder = tmp_path_factory.mktemp('trained')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('LOCAL_RANK', '0')
        for style in STYLES:
            patch.setattr(sys, 'argv', [
                'train.py', str(recipes['cckd', style]), '--work-dir',
                str(folder / style), '--cfg-options', *OPTIONS,
                f'experiment_name={style}'
            ])
            runpy.run_path(str(ROOT / 'tools/train.py'), run_name='__main__')
    return {style: folder / style for style in STYLES}


def test_training(trained):
    one, other = (load(trained[style] / 'epoch_2.pth') for style in STYLES)
    assert_equal(one['state_dict'], other['state_dict'])


def test_the_config_that_a_run_wrote(call, trained, tmp_path):
    """It is a text config with the paths of classes."""
    dumped = trained['classes'] / 'cckd.py'
    assert "_distill.FrozenTeacherDistill'" in dumped.read_text()
    call('train', dumped, '--work-dir', tmp_path, '--cfg-options',
         'experiment_name=again')
    assert_equal(
        load(tmp_path / 'epoch_2.pth')['state_dict'],
        load(trained['text'] / 'epoch_2.pth')['state_dict'])


def test_resuming(call, recipes, trained, tmp_path):
    call('train', recipes['cckd', 'classes'], '--work-dir', tmp_path,
         '--resume', trained['classes'] / 'epoch_1.pth', '--cfg-options',
         *OPTIONS, 'experiment_name=resumed')
    assert_equal(
        load(tmp_path / 'epoch_2.pth')['state_dict'],
        load(trained['text'] / 'epoch_2.pth')['state_dict'])


@pytest.mark.parametrize('arguments', [
    ['--frozen-teacher'],
    ['--mix-cc', 'loss_weight=2', 'data_idx=0', '--frozen-teacher'],
    ['--mix-cc', 'kernel.type=BilinearKernelConnector', '--auto-scale-lr',
     '--no-validate'],
])
def test_changed_recipes(arguments, call, recipes, tmp_path):
    for style in STYLES:
        call('train', recipes['kd', style], '--work-dir', tmp_path / style,
             *arguments, '--cfg-options', *OPTIONS, 'train_cfg.max_epochs=1',
             f'experiment_name={style}{len(arguments)}')
    one, other = (load(tmp_path / style / 'epoch_1.pth') for style in STYLES)
    assert_equal(one['state_dict'], other['state_dict'])
    assert_equal(one['ema_state_dict'], other['ema_state_dict'])
    if '--mix-cc' in arguments:
        log, = (tmp_path / 'classes').glob('2*/*.log')
        assert 'loss_cc: ' in log.read_text()


def test_testing(call, recipes, trained, tmp_path):
    scores = []
    for style in STYLES:
        out = tmp_path / f'{style}.pkl'
        call('test', recipes['cckd', style], trained[style] / 'epoch_2.pth',
             '--work-dir', tmp_path, '--out', out, '--tta')
        scores.append([
            sample['pred_score'].tolist()
            for sample in pickle.loads(out.read_bytes())
        ])
    assert scores[0] == scores[1]


@pytest.mark.parametrize('from_config', [False, True])
def test_exporting(from_config, call, recipes, trained, tmp_path):
    for style in STYLES:
        (tmp_path / style).mkdir()
        config = ['--config', recipes['cckd', style]] if from_config else []
        call('export_student', trained[style] / 'epoch_2.pth',
             tmp_path / style / 'student.pth', *config)
    one, other = (tmp_path / style / 'student.py' for style in STYLES)
    scoped = one.read_text().replace('mmpretrain.', '')
    assert Config.fromfile(other).to_dict() == Config.fromstring(
        scoped, '.py').to_dict()
    one, other = (load(tmp_path / style / 'student.pth') for style in STYLES)
    assert_equal(one['state_dict'], other['state_dict'])


def test_storing_the_teacher(call, recipes, tmp_path):
    rows = []
    for style in STYLES:
        path = tmp_path / style
        call('store_teacher', recipes['kd', style], '--frozen-teacher',
             '--teacher-store', path, 'views=2', '--work-dir',
             tmp_path / 'work', '--cfg-options', f'experiment_name=s{style}')
        assert set(TeacherStore.open(str(path)).filled().values()) == {1.0}
        rows.append([
            file.read_bytes() for file in sorted(path.glob('*/rows.npy'))
        ])
    assert rows[0] == rows[1]
    # A store of one style serves the other.
    printed = call('store_teacher', recipes['kd', 'classes'],
                   '--frozen-teacher', '--teacher-store', tmp_path / 'text',
                   'views=2', '--work-dir', tmp_path / 'work',
                   '--cfg-options', 'experiment_name=again')
    assert 'ETA' not in printed


def test_clustering(call, recipes, teacher, tmp_path):
    made = []
    for style in STYLES:
        out = tmp_path / style / 'superclasses.npz'
        call('cluster_superclasses', recipes['cckd', style], teacher,
             '--num-superclasses', 8, '--out', out, '--cfg-options',
             'train_dataloader.dataset.samples_per_class=5')
        made.append(Superclasses.load(out))
    assert (made[0].labels == made[1].labels).all()
    assert (made[0].centroids == made[1].centroids).all()
    for name in ('module', 'dataset', 'checkpoint_sha256'):
        assert made[0].meta.get(name) == made[1].meta.get(name)


def test_suggesting_beta(call, recipes):
    printed = [
        call('suggest_beta', recipes['cckd', style], '--iterations', 2,
             '--ratio', 0.2, '--cfg-options', 'train_cfg.max_epochs=1')
        for style in STYLES
    ]
    assert 'Suggested:' in printed[0]
    assert printed[0] == printed[1]


def test_drawing_batches(call, recipes, tmp_path):
    for style in STYLES:
        call('visualise_batches', recipes['cckd', style], '--out',
             tmp_path / f'{style}.png')
    one, other = (tmp_path / f'{style}.png' for style in STYLES)
    assert one.read_bytes() == other.read_bytes()
