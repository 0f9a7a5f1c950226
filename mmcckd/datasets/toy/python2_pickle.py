import pickle
import struct
from pathlib import Path


class _Python2Pickler(pickle._Pickler):
    """Pickler that writes bytes as strings of Python 2.

    ``pickle.load`` reads these as bytes or as text, depending on its
    ``encoding``. Readers of CIFAR use both.
    """

    def save_bytes(self, value: bytes) -> None:
        size = len(value)
        self.write(pickle.SHORT_BINSTRING + bytes([size]) if size < 256 else
                   pickle.BINSTRING + struct.pack('<i', size))
        self.write(value)
        self.memoize(value)

    dispatch = {**pickle._Pickler.dispatch, bytes: save_bytes}


def write_pickle(path: Path, content: dict) -> None:
    """Write a dict with bytes as Python 2 writes a dict with strings."""
    with open(path, 'wb') as file:
        _Python2Pickler(file, protocol=2).dump(content)
