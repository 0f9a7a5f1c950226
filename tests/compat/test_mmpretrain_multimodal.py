"""MMPretrain beside versions of transformers, which are not installed here."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# What BLIP imports, by modules.
NAMES = {
    'activations.py': 'ACT2FN',
    'modeling_outputs.py': 'BaseModelOutputWithPastAndCrossAttentions '
    'BaseModelOutputWithPoolingAndCrossAttentions '
    'CausalLMOutputWithCrossAttentions',
    'modeling_utils.py': 'PreTrainedModel apply_chunking_to_forward '
    'find_pruneable_heads_and_indices prune_linear_layer',
    'models/bert/configuration_bert.py': 'BertConfig',
}


def install(folder, name, version):
    info = folder / f'{name}-{version}.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text(
        f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
    (folder / name).mkdir()
    (folder / name / '__init__.py').touch()
    return folder / name


def python(code, folder):
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        cwd=folder,
        env=dict(os.environ, PYTHONPATH=f'{ROOT}{os.pathsep}{folder}'),
        capture_output=True,
        text=True)


@pytest.fixture
def new_transformers(tmp_path):
    """A version without the functions that BLIP imports."""
    install(tmp_path, 'pycocotools', '2.0.11')
    package = install(tmp_path, 'transformers', '5.0.0')
    for file, names in NAMES.items():
        path = package / file
        path.parent.mkdir(parents=True, exist_ok=True)
        classes = [name for name in names.split() if name[0].isupper()]
        path.write_text(''.join(f'class {name}: pass\n' for name in classes))
    # torch 2.1 imports transformers, and changes this class.
    (package / 'configuration_utils.py').write_text(
        'class PretrainedConfig: pass')
    (package / '__init__.py').write_text('from . import configuration_utils')
    return tmp_path


def test_is_imported_without_multimodal_models(new_transformers):
    code = ('import mmcckd, mmengine, mmpretrain\n'
            'from mmpretrain.registry import MODELS\n'
            'import mmpretrain.utils.dependency as dependency\n'
            'assert not dependency.WITH_MULTIMODAL\n'
            'assert MODELS.get("HuggingFaceClassifier")\n'
            'try:\n'
            '    MODELS.build(dict(type="BlipCaption"))\n'
            'except ImportError as error:\n'
            '    print("refused", error)')
    result = python(code, new_transformers)
    assert result.returncode == 0, result.stderr
    assert 'refused' in result.stdout and 'multi-modal' in result.stdout


@pytest.mark.parametrize('complete', [False, True])
def test_what_blip_imports_is_looked_up(tmp_path, complete):
    import mmpretrain

    from mmcckd.compat.mmpretrain_multimodal import BLIP, _finds_imports
    for file, names in NAMES.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if complete or file != 'modeling_utils.py':
            path.write_text(names)
    blip = Path(mmpretrain.__file__).parent / BLIP
    assert _finds_imports(blip, tmp_path) == complete
