"""Warn about files that MMPretrain skips in a data set of class folders.

``CustomDataset`` and its subclasses, such as ``ImageNet``, read the files in
class folders that have a known extension. They silently skip files with other
extensions, such as .webp, and images that are not in a class folder.

Can be deleted when MMPretrain warns about them.
"""
import functools
import logging

from mmengine.fileio import get_file_backend
from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset

from mmcckd.name_lists import first_names


def warn_of_skipped_files() -> None:
    """Make ``CustomDataset`` warn about files that it does not read."""
    if not hasattr(CustomDataset._find_samples, '__wrapped__'):
        CustomDataset._find_samples = _counting(CustomDataset._find_samples)


def _counting(find_samples):

    @functools.wraps(find_samples)
    def find_and_count(self):
        read, left_out = self.is_valid_file, []

        def is_valid_file(name: str) -> bool:
            if not read(name):
                left_out.append(name)
                return False
            return True

        self.is_valid_file = is_valid_file
        try:
            return find_samples(self)
        finally:
            del self.is_valid_file
            _warn(self, left_out)

    return find_and_count


def _warn(dataset: CustomDataset, left_out: list) -> None:
    folder, kind = dataset.img_prefix.rstrip('/'), type(dataset).__name__
    if left_out:
        print_log(
            f'{kind} skips {len(left_out):,} files in {folder} with unknown '
            f'extensions: {first_names(left_out)}. It reads '
            f'{", ".join(sorted(dataset.extensions))}, in lower or upper '
            'case; set extensions=(…) of the data set to read others.',
            logger='current',
            level=logging.WARNING)
    if not dataset.with_label:
        return  # without labels, all images below the folder are read
    beside = sorted(
        name for name in get_file_backend(folder).list_dir_or_file(
            folder, list_dir=False) if dataset.is_valid_file(name))
    if beside:
        print_log(
            f'{kind} skips {len(beside):,} images directly in {folder}: '
            f'{first_names(beside)}. Only images in class folders have a '
            'label; move them into class folders, or remove them.',
            logger='current',
            level=logging.WARNING)
