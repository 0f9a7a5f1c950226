"""The README's config, as it is there, is trained, resumed and tested."""
import json
import re
import subprocess
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


def run(folder, tool, *arguments):
    result = subprocess.run(
        [sys.executable, str(ROOT / f'tools/{tool}.py'), 'recipe.py',
         *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr
    return result.stdout


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


def test_train_and_test(folder, toy_imagenet):
    log = run(folder, 'train', '--no-validate',
              *options(toy_imagenet, 'train', 128), 'train_cfg.max_epochs=1',
              'default_hooks.logger.interval=1')
    for name in ('student.loss', 'distill.loss_kd', 'distill.loss_cc'):
        values = [float(v) for v in re.findall(rf'  {name}: ([\d.]+)', log)]
        assert len(values) == 2 and all(value > 0 for value in values), name

    written = Config.fromfile(folder / 'work_dirs/recipe/recipe.py')
    assert written.data_preprocessor.type == 'mmpretrain.ClsDataPreprocessor'
    loader = written.train_dataloader
    assert loader.persistent_workers
    assert loader.collate_fn == dict(type='default_collate')
    assert loader.dataset.pipeline[1].scale == 32
    assert written.train_pipeline[1].scale == 32

    trained = folder / 'work_dirs/recipe/recipe.py'
    before = trained.read_text()
    metrics = folder / 'metrics.json'
    run(folder, 'test', 'work_dirs/recipe/epoch_1.pth', '--tta', '--out',
        metrics, '--out-item', 'metrics', '--work-dir', 'tested',
        *options(toy_imagenet, 'test', 8))
    assert set(json.loads(metrics.read_text())) == {
        'accuracy/top1', 'accuracy/top5'}
    tested = Config.fromfile(folder / 'tested/recipe.py')
    assert tested.model.type == 'FrozenTeacherDistill'  # not that of --tta
    assert tested.model.teacher_ckpt == 'resnet50.pth'
    assert 'TestTimeAug' not in str(tested.test_dataloader)
    assert trained.read_text() == before
