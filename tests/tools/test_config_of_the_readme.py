"""The README's config, as it is there, is trained and tested."""
import json
import re
import runpy
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from mmrazor.registry import MODELS

import mmcckd  # noqa: F401

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """With the recipe, and what it says of its teacher's checkpoint."""
    folder = tmp_path_factory.mktemp('readme')
    snippet = re.search(r'<!-- snippet: config -->\n```python\n(.*?)```',
                        (ROOT / 'README.md').read_text(), re.DOTALL).group(1)
    (folder / 'recipe.py').write_text(snippet)
    cfg = Config.fromfile(folder / 'recipe.py')
    teacher = MODELS.build(cfg.model.teacher)
    save_checkpoint(
        dict(state_dict=teacher.state_dict()),
        str(folder / cfg.model.teacher_ckpt))
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    """Run a tool in the folder, in this process, which has the imports."""
    monkeypatch.chdir(folder)

    def run(tool, *arguments):
        path = ROOT / f'tools/{tool}.py'
        monkeypatch.setattr(sys, 'argv',
                            [str(path), 'recipe.py', *map(str, arguments)])
        runpy.run_path(str(path), run_name='__main__')

    return run


def options(toy_imagenet, split, images):
    """A few images, of 32 x 32 pixels."""
    loader = f'{split}_dataloader'
    sizes = (['train_pipeline.1.scale=32'] if split == 'train' else
             ['test_pipeline.1.scale=36', 'test_pipeline.2.crop_size=32'])
    return [
        '--cfg-options', *sizes, f'{loader}.num_workers=1',
        f'{loader}.dataset.data_root={toy_imagenet}',
        f'{loader}.dataset.indices={images}'
    ]


def test_train_and_test(folder, run, toy_imagenet):
    run('train', '--no-validate', *options(toy_imagenet, 'train', 64),
        'train_cfg.max_epochs=1', 'default_hooks.logger.interval=1')
    work_dir = folder / 'work_dirs/recipe'
    scalars = next(work_dir.glob('*/vis_data/scalars.json')).read_text()
    scalars = json.loads(scalars.splitlines()[0])
    for name in ('student.loss', 'distill.loss_kd', 'distill.loss_cc'):
        assert scalars[name] > 0, name

    written = Config.fromfile(work_dir / 'recipe.py')
    assert written.data_preprocessor.type == 'mmpretrain.ClsDataPreprocessor'
    loader = written.train_dataloader
    assert loader.persistent_workers
    assert loader.collate_fn == dict(type='default_collate')
    assert loader.dataset.pipeline[1].scale == 32
    assert written.train_pipeline[1].scale == 32

    run('test', work_dir / 'epoch_1.pth', '--tta', '--out', 'metrics.json',
        '--out-item', 'metrics', '--work-dir', 'tested',
        *options(toy_imagenet, 'test', 8))
    assert set(json.loads((folder / 'metrics.json').read_text())) == {
        'accuracy/top1', 'accuracy/top5'}
    tested = Config.fromfile(folder / 'tested/recipe.py')
    assert tested.model.type == 'FrozenTeacherDistill'  # not that of --tta
    assert tested.model.teacher_ckpt == 'resnet50.pth'
    assert 'TestTimeAug' not in str(tested.test_dataloader)
