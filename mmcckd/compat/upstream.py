"""All that is mended of the packages underneath, in the order that it needs.

Each module beside this one says what it mends, and when it can be deleted.
"""
from .mmcls_import import (
    import_mmcls_as_mmpretrain,
    mmcls_is_installed,
)
from .mmrazor_import import import_mmrazor
from .mmrazor_placeholders import forget_placeholders


def mend_upstream() -> None:
    """Make MMRazor importable, and let nothing wrong pass in silence."""
    has_mmcls = mmcls_is_installed()
    if not has_mmcls:
        import_mmcls_as_mmpretrain()
        forget_placeholders()
    import_mmrazor()

    # These import what they mend.
    from .mmcls_configs import let_configs_name_mmcls
    from .mmcls_datasets import let_test_mode_choose_split
    from .mmcls_deit_head import let_deit_head_take_two_tokens
    from .mmengine_checkpoints import allow_mmengine_checkpoints
    from .mmengine_hub import let_mmengine_find_configs
    from .mmengine_pretrained import refuse_pretrained_that_fits_nothing
    from .mmengine_refetch import say_what_is_replaced
    from .mmpretrain_folders import count_what_is_left_out
    from .mmpretrain_foreign import keep_weights_of_other_packages
    from .mmpretrain_hooks import let_hooks_see_the_student
    from .mmrazor_cfg_path import let_keys_override_cfg_path
    from .mmrazor_val_loops import let_val_loops_have_one_epoch

    let_val_loops_have_one_epoch()
    let_hooks_see_the_student()
    allow_mmengine_checkpoints()
    let_mmengine_find_configs()
    count_what_is_left_out()
    say_what_is_replaced()
    let_keys_override_cfg_path()
    refuse_pretrained_that_fits_nothing()
    keep_weights_of_other_packages()
    if not has_mmcls:
        let_configs_name_mmcls()
        let_test_mode_choose_split()
        let_deit_head_take_two_tokens()
