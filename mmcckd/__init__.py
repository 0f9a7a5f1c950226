"""Correlation Congruence for Knowledge Distillation, a plugin for MMRazor.

Importing the package makes the toolbox underneath work on today's PyTorch
(:mod:`mmcckd.compat`) and registers the components.
"""
from .compat.versions import check_versions  # isort: skip

check_versions()  # before anything that needs the packages

from .compat.mmcls_configs import let_configs_name_mmcls  # noqa: E402
from .compat.mmcls_datasets import let_test_mode_choose_split  # noqa: E402
from .compat.mmcls_deit_head import (  # noqa: E402
    let_deit_head_take_two_tokens,
)
from .compat.mmcls_import import (  # noqa: E402
    import_mmcls_as_mmpretrain,
    mmcls_is_installed,
)
from .compat.mmengine_checkpoints import (  # noqa: E402
    allow_mmengine_checkpoints,
)
from .compat.mmengine_hub import let_mmengine_find_configs  # noqa: E402
from .compat.mmpretrain_hooks import let_hooks_see_the_student  # noqa: E402
from .compat.mmrazor_import import import_mmrazor  # noqa: E402
from .compat.mmrazor_placeholders import forget_placeholders  # noqa: E402
from .compat.mmrazor_val_loops import (  # noqa: E402
    let_val_loops_have_one_epoch,
)

_has_mmcls = mmcls_is_installed()
if not _has_mmcls:
    import_mmcls_as_mmpretrain()
    forget_placeholders()
import_mmrazor()
let_val_loops_have_one_epoch()
let_hooks_see_the_student()
allow_mmengine_checkpoints()
let_mmengine_find_configs()
if not _has_mmcls:
    let_configs_name_mmcls()
    let_test_mode_choose_split()
    let_deit_head_take_two_tokens()

from . import (  # noqa: E402
    datasets,
    engine,
    evaluation,
    kernels,
    models,
    recipes,
    superclasses,
)
from .version import __version__  # noqa: E402

__all__ = [
    '__version__', 'datasets', 'engine', 'evaluation', 'kernels', 'models',
    'recipes', 'superclasses'
]
