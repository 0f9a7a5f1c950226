"""The recipes of MMRazor that have a distiller, and what they require."""
from importlib.util import find_spec
from pathlib import Path
from typing import List, Optional

# Importing MMRazor may fail if mmcckd is not imported first.
FOLDER = Path(find_spec('mmrazor').origin).parent / '.mim/configs'


def recipes_with_a_distiller() -> List[str]:
    """Return their paths in ``FOLDER``, sorted.

    All recipes in ``distill/`` have a distiller, some by inheritance. Outside
    of it, the recipes that define one train with it. Those that inherit it
    only evaluate subnets of a trained supernet, or search for one.
    """
    recipes = list(FOLDER.glob('distill/*/*/*.py'))
    for folder in ('nas', 'pruning'):
        recipes += (
            path for path in FOLDER.glob(f'{folder}/**/*.py')
            if 'distiller=dict(' in path.read_text(encoding='utf-8'))
    return sorted(path.relative_to(FOLDER).as_posix() for path in recipes)


def missing_requirement(recipe: str) -> Optional[str]:
    """Return what has to be installed for a recipe, or None."""
    toolbox = recipe.split('/')[1]
    if toolbox != 'mmcls' and not (find_spec('mmcv._ext')
                                   and find_spec(toolbox)):
        return 'the full mmcv (`tools/setup_env.sh --full`)'
    if '/deit/' in recipe and not find_spec('timm'):
        return 'timm'
    return None
