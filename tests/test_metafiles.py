"""What MIM finds of the configs."""
from pathlib import Path

import pytest
import yaml
from modelindex.load_model_index import load

ROOT = Path(__file__).parent.parent
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
