import shutil
from pathlib import Path
from typing import Dict

ADVICE = ('use fewer views, dtype="float16", top_k for the logits, or a path '
          'on another disk')
CHECKSUM = 4  # bytes


class DiskSpace:
    """The space that new sources of a store need, and the space there is.

    Args:
        folder (Path): Folder of the store.
        row_sizes (Dict[str, int]): Bytes of a row, by source.
        views (int): Number of views.
        num_samples (int): Number of samples.
    """

    def __init__(self, folder: Path, row_sizes: Dict[str, int], views: int,
                 num_samples: int) -> None:
        self.folder = folder
        self.needed = views * num_samples * sum(
            size + CHECKSUM for size in row_sizes.values())
        self.free = shutil.disk_usage(folder).free
        each = ', '.join(f'{source} {size:,} bytes'
                         for source, size in row_sizes.items())
        self.text = (f'The teacher store {folder} needs '
                     f'{in_units(self.needed)} for {views:,} '
                     f'view{"s" * (views > 1)} of {num_samples:,} samples '
                     f'({each} a row); {in_units(self.free)} are free')

    def check(self) -> None:
        """Raise an OSError if there is not enough."""
        if self.needed > self.free:
            raise OSError(f'{self.text}: {ADVICE}.')

    def error(self, error: OSError) -> OSError:
        """Explain an error of the operating system."""
        return OSError(
            error.errno, f'{self.text}, but they cannot be reserved: '
            f'{error.strerror}; {ADVICE}')


def in_units(size: float) -> str:
    """A number of bytes, such as "7.8 GB"."""
    units = ['bytes', 'kB', 'MB', 'GB', 'TB']
    while size >= 1000 and len(units) > 1:
        size /= 1000
        del units[0]
    return f'{size:.3g} {units[0]}'
