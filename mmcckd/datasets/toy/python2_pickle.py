import pickle
import struct
from pathlib import Path


class _Python2Pickler(pickle._Pickler):
    """Writes bytes as the strings of Python 2.

    ``pickle.load`` gives them as bytes or as text, as its ``encoding`` says,
    and readers of CIFAR rely on either.
    """

    def save_bytes(self, value: bytes) -> None:
        size = len(value)
        self.write(pickle.SHORT_BINSTRING + bytes([size]) if size < 256 else
                   pickle.BINSTRING + struct.pack('<i', size))
        self.write(value)
        self.memoize(value)

    dispatch = {**pickle._Pickler.dispatch, bytes: save_bytes}


def write_pickle(path: Path, content: dict) -> None:
    """Write a dict of bytes as Python 2 wrote one of strings."""
    with open(path, 'wb') as file:
        _Python2Pickler(file, protocol=2).dump(content)
