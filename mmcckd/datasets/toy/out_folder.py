from pathlib import Path
from typing import Union


def make_out_folder(out: Union[str, Path]) -> Path:
    """The folder that a toy data set goes into, made if need be.

    Raises:
        ValueError: If it has something in it, or is a file.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise ValueError(f'{out} is a file; give a new folder.')
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f'The folder {out} is not empty, and is left alone; '
                         'give a new one, or delete it first.')
    out.mkdir(parents=True, exist_ok=True)
    return out


def check_samples_per_class(samples_per_class: int) -> None:
    """Raise ValueError unless it is 1 or more."""
    if samples_per_class < 1:
        raise ValueError('samples_per_class must be at least 1, but is '
                         f'{samples_per_class}.')
