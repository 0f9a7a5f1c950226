"""What MIM and MMEngine find of the configs."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from modelindex.load_model_index import load

ROOT = Path(__file__).parent.parent
TOOL = ROOT / 'tools/generate_metafiles.py'
FOLDERS = sorted(
    path for path in (ROOT / 'configs').iterdir()
    if path.name not in ('_base_', 'studies'))


def test_the_index_has_all_metafiles():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert index == dict(
        Import=[f'configs/{path.name}/metafile.yml' for path in FOLDERS])


@pytest.mark.parametrize('folder', FOLDERS, ids=lambda path: path.name)
def test_a_metafile_lists_its_folder(folder):
    """By name; no numbers, since none was measured for them."""
    models = yaml.safe_load((folder / 'metafile.yml').read_text())['Models']
    configs = sorted(path.stem for path in folder.glob('*.py'))
    assert sorted(model['Name'] for model in models) == configs
    for model in models:
        assert model == {
            'Name': model['Name'],
            'In Collection': 'CCKD',
            'Config': f'configs/{folder.name}/{model["Name"]}.py'
        }


def test_the_format_is_modelindexs(monkeypatch):
    monkeypatch.chdir(ROOT)
    index = load('model-index.yml')
    index.build_models_with_collections()  # raises if one is unknown
    collection, = index.collections
    assert collection.name == 'CCKD'
    assert collection.paper['URL'] == 'https://arxiv.org/abs/1904.01802'
    for path in (collection.readme, collection.code):
        assert (ROOT / path).is_file()
    assert len(index.models) == sum(
        len(list(folder.glob('*.py'))) for folder in FOLDERS)


@pytest.fixture
def generate(tmp_path):
    """Run the tool in a repository with some of the configs."""
    for name in ('_base_', 'cckd', 'mix', 'studies'):
        shutil.copytree(ROOT / 'configs' / name, tmp_path / 'configs' / name)
    (tmp_path / 'tools').mkdir()
    shutil.copy(TOOL, tmp_path / 'tools')

    def run(*arguments):
        return subprocess.run(
            [sys.executable, tmp_path / 'tools' / TOOL.name, *arguments],
            capture_output=True,
            text=True)

    return run


def test_they_are_as_generated():
    result = subprocess.run([sys.executable, TOOL, '--check'],
                            capture_output=True,
                            text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == 'The metafiles are up to date.\n'


def test_generating(generate, tmp_path):
    """What is written by hand is kept; a new config and folder are added."""
    metafile = tmp_path / 'configs/cckd/metafile.yml'
    index = tmp_path / 'model-index.yml'
    by_hand = metafile.read_text().partition('Models:')[0]
    assert by_hand
    assert generate().stdout == 'Written: model-index.yml\n'

    (tmp_path / 'configs/cckd/a_new.py').touch()
    (tmp_path / 'configs/new').mkdir()
    (tmp_path / 'configs/new/b.py').touch()
    stale = ('model-index.yml, configs/cckd/metafile.yml, '
             'configs/new/metafile.yml')
    before = metafile.read_text()
    result = generate('--check')
    assert result.returncode == 1
    assert result.stderr == (f'Out of date: {stale}. Run: python '
                             'tools/generate_metafiles.py\n')
    assert metafile.read_text() == before

    assert generate().stdout == f'Written: {stale}\n'
    assert generate('--check').returncode == 0
    assert metafile.read_text().startswith(by_hand)
    names = [
        model['Name']
        for model in yaml.safe_load(metafile.read_text())['Models']
    ]
    assert names[0] == 'a_new' and names[1:] == [
        model['Name'] for model in yaml.safe_load(before)['Models']
    ]
    assert yaml.safe_load(index.read_text())['Import'] == [
        f'configs/{name}/metafile.yml' for name in ('cckd', 'mix', 'new')
    ]
