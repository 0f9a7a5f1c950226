"""Import MMPretrain beside a new version of transformers.

If transformers and pycocotools are installed, MMPretrain 1.2.0 also imports
its models of images and text. One of them, BLIP, imports functions that newer
versions of transformers have moved or removed, such as
``transformers.modeling_utils.apply_chunking_to_forward``. It catches the
error, and derives a class from None, so the import of its models ends with
"TypeError: NoneType takes no arguments". In this case, these models are left
out here, as they are without transformers. ``HuggingFaceClassifier`` works.

Can be deleted when MMPretrain's BLIP can be imported with transformers 5.
"""
import ast
import sys
from importlib.util import find_spec
from pathlib import Path

BLIP = 'models/multimodal/blip/language_model.py'


def leave_out_multimodal_models() -> None:
    """Leave these models out if BLIP does not find what it imports."""
    transformers = find_spec('transformers')
    if transformers is None or 'mmpretrain.models' in sys.modules:
        return
    from mmpretrain.utils import dependency  # without its models
    root = Path(dependency.__file__).parents[1]
    if not _finds_imports(root / BLIP, Path(transformers.origin).parent):
        dependency.WITH_MULTIMODAL = False


def _finds_imports(file: Path, transformers: Path) -> bool:
    """Whether the names that a file imports from transformers are there.

    They are looked up in the source code, since the import of transformers
    takes seconds.
    """
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if not isinstance(node, ast.ImportFrom) or not (
                node.module or '').startswith('transformers.'):
            continue
        module = transformers.joinpath(*node.module.split('.')[1:])
        source = module.with_suffix('.py')
        if module.is_dir():
            source = module / '__init__.py'
        if not source.exists():
            return False
        text = source.read_text(encoding='utf-8')
        if any(alias.name not in text for alias in node.names):
            return False
    return True
