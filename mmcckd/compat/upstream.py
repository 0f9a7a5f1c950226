"""Apply all patches of other packages, in the required order.

The other modules of this package each describe an issue, and say when they
can be deleted.
"""
from .mmcls_import import (
    import_mmcls_as_mmpretrain,
    mmcls_is_installed,
)
from .mmpretrain_multimodal import leave_out_multimodal_models
from .mmrazor_import import import_mmrazor
from .mmrazor_placeholders import remove_placeholder_modules
from .version_assertions import lift_version_assertions


def patch_upstream() -> None:
    """Make MMRazor importable, and patch the packages that mmcckd uses."""
    lift_version_assertions()
    leave_out_multimodal_models()
    has_mmcls = mmcls_is_installed()
    if not has_mmcls:
        import_mmcls_as_mmpretrain()
        remove_placeholder_modules()
    import_mmrazor()

    # These modules import the packages that they patch.
    from .mmcls_configs import accept_mmcls_in_configs
    from .mmcls_datasets import choose_split_by_test_mode
    from .mmcls_deit_head import accept_two_tokens_in_deit_head
    from .mmdet_configs import find_renamed_mmdet_configs
    from .mmengine_amp import accept_cpus_in_amp
    from .mmengine_best_checkpoints import delete_own_checkpoints_only
    from .mmengine_checkpoints import allow_mmengine_checkpoints
    from .mmengine_class_types import write_classes_as_paths
    from .mmengine_config_text import format_configs_once
    from .mmengine_custom_imports import import_custom_modules_of_all_configs
    from .mmengine_data_files import read_data_files_safely
    from .mmengine_hub import find_mmcckd_configs
    from .mmengine_init_cfg import name_initializers
    from .mmengine_local_files import write_local_files_atomically
    from .mmengine_old_checkpoints import remove_old_checkpoints_last
    from .mmengine_pauses import restart_loaders_at_once
    from .mmengine_pretrained import check_pretrained_init
    from .mmengine_refetch import warn_of_replaced_samples
    from .mmengine_resume import resume_without_running_configs
    from .mmengine_stdlib import know_standard_library
    from .mmengine_subsets import copy_subsets_separately
    from .mmpretrain_folders import warn_of_skipped_files
    from .mmpretrain_foreign import keep_pretrained_weights
    from .mmpretrain_hooks import apply_hooks_to_student
    from .mmpretrain_one_hot import convert_labels_without_waiting
    from .mmrazor_cfg_path import merge_keys_beside_cfg_path
    from .mmrazor_channel_units import accept_channel_unit_classes
    from .mmrazor_dist_loss import accept_predictions_in_dist_loss
    from .mmrazor_ofa_recipe import accept_mutators_in_bignas
    from .mmrazor_recorder_types import accept_recorder_classes
    from .mmrazor_val_loops import run_val_loops_as_one_epoch
    from .torch_checksums import compare_checksums

    run_val_loops_as_one_epoch()
    apply_hooks_to_student()
    allow_mmengine_checkpoints()
    compare_checksums()
    write_local_files_atomically()
    remove_old_checkpoints_last()
    resume_without_running_configs()
    delete_own_checkpoints_only()
    read_data_files_safely()
    format_configs_once()
    find_mmcckd_configs()
    find_renamed_mmdet_configs()
    warn_of_skipped_files()
    warn_of_replaced_samples()
    copy_subsets_separately()
    restart_loaders_at_once()
    convert_labels_without_waiting()
    merge_keys_beside_cfg_path()
    accept_mutators_in_bignas()
    accept_predictions_in_dist_loss()
    check_pretrained_init()
    name_initializers()
    know_standard_library()
    write_classes_as_paths()
    accept_cpus_in_amp()
    import_custom_modules_of_all_configs()
    accept_recorder_classes()
    accept_channel_unit_classes()
    keep_pretrained_weights()
    if not has_mmcls:
        accept_mmcls_in_configs()
        choose_split_by_test_mode()
        accept_two_tokens_in_deit_head()
