"""Whether a file can be written."""
from pathlib import Path


def check_writable(out: Path) -> None:
    """Raise before hours of work if a file could not be written at the end.

    Args:
        out (Path): The file; its folder is made.

    Raises:
        ValueError: If the folder cannot be made or written to.
    """
    probe = out.with_name(f'.{out.name}.partial')
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f'--out {out} cannot be written: {error}; give '
                         'another place.') from error
