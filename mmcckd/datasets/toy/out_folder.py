from pathlib import Path
from typing import Union


def make_out_folder(out: Union[str, Path]) -> Path:
    """Create the folder for a toy data set if it does not exist.

    Raises:
        ValueError: If the folder is not empty, or is a file.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ValueError(f'{out} is a file; give a new folder.')
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f'The folder {out} is not empty; give a new folder, '
                         'or delete this one first.')
    out.mkdir(parents=True, exist_ok=True)
    return out


def check_samples_per_class(samples_per_class: int) -> None:
    """Raise ``ValueError`` unless ``samples_per_class`` is 1 or more."""
    if samples_per_class < 1:
        raise ValueError('samples_per_class must be at least 1, but is '
                         f'{samples_per_class}.')


def check_num_images(num_images: int) -> None:
    """Raise ``ValueError`` unless ``num_images`` is 1 or more."""
    if num_images < 1:
        raise ValueError(
            f'num_images must be at least 1, but is {num_images}.')
