import errno
import math
import os
import struct
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Iterator, Optional, Tuple

import numpy as np


class NpyFile:
    """A NumPy file whose rows are read and written one by one.

    Rows are read and written with system calls instead of through a memory
    map: an unreadable disk or a full one is an error then, whereas a process
    that accesses a memory map is killed. Any program can open the file with
    ``np.load(path, mmap_mode='r')``.

    Args:
        path (Path): The file.
        dtype (np.dtype): Type of a row, which may be a structured type.
        shape (Tuple[int, ...]): Shape of the array of rows.
    """

    def __init__(self, path: Path, dtype: np.dtype,
                 shape: Tuple[int, ...]) -> None:
        self.path = path
        self.dtype = np.dtype(dtype)
        self.shape = shape
        self.header = _header(self.dtype, shape)
        self.size = len(self.header) + self.dtype.itemsize * int(
            np.prod(shape, dtype=np.int64))
        self._reader = self._writer = None

    def __reduce__(self):
        return NpyFile, (self.path, self.dtype, self.shape)

    def create(self) -> None:
        """Create the file, all rows 0, and reserve its space on the disk.

        Raises:
            OSError: If there is no space.
        """
        with open(self.path, 'xb') as file:
            file.write(self.header)
            _reserve(file, self.size)

    def problem(self) -> Optional[str]:
        """Say what is wrong with the file's existence, size or header."""
        if not self.path.exists():
            return 'does not exist'
        size = self.path.stat().st_size
        if size != self.size:
            return f'has {size:,} bytes instead of {self.size:,}'
        with open(self.path, 'rb') as file:
            if file.read(len(self.header)) != self.header:
                return 'has a damaged header'
        return None

    def other_array(self) -> str:
        """Describe a complete array of another shape or type in the file.

        Returns:
            str: The description; '' if there is none.
        """
        try:
            with open(self.path, 'rb') as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                size = file.tell() + dtype.itemsize * math.prod(shape)
        except Exception:  # a damaged header can raise any error
            return ''
        if size != self.path.stat().st_size or (
                shape, dtype) == (self.shape, self.dtype):
            return ''
        return f'shape {shape} and type {dtype}'

    def restore(self) -> None:
        """Restore the size and the header. Lost rows are 0 then."""
        self.path.touch()
        with open(self.path, 'rb+') as file:
            file.write(self.header)
            _reserve(file, self.size)

    def map(self) -> np.ndarray:
        """Open the rows as a read-only memory map, of one dimension."""
        return np.memmap(self.path, self.dtype, 'r', len(self.header),
                         (int(np.prod(self.shape, dtype=np.int64)), ))

    def written(self) -> Iterator[slice]:
        """Rows outside of which nothing was ever written: all are 0 there.

        The file system knows these parts, so a large file of which little is
        written need not be read. Parts begin and end at rows if the size of a
        row is a power of two up to the header's 64 bytes.
        """
        header, size = len(self.header), self.dtype.itemsize
        end, reader = header, self.reader()
        while end < self.size:
            try:
                begin = os.lseek(reader, end, os.SEEK_DATA)
                end = os.lseek(reader, begin, os.SEEK_HOLE)
            except OSError as error:
                if error.errno == errno.ENXIO:  # there are no more
                    return
                begin, end = end, self.size  # a file system that cannot say
            yield slice((begin - header) // size, (end - header) // size)

    def offset(self, row: int) -> int:
        """The position of a row in the file."""
        return len(self.header) + row * self.dtype.itemsize

    def reader(self) -> int:
        """The file descriptor for reading."""
        if self._reader is None:
            self._reader = FileIO(self.path, 'rb')
        return self._reader.fileno()

    def writer(self) -> int:
        """The file descriptor for writing."""
        if self._writer is None:
            self._writer = FileIO(self.path, 'rb+')
        return self._writer.fileno()

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Read rows. What is beyond the end of the file is 0.

        Raises:
            OSError: If a row cannot be read.
        """
        size = self.dtype.itemsize
        buffer = np.empty((len(rows), size), np.uint8)
        reader = self.reader()
        with self._named_errors():
            for line, row in zip(buffer, rows.tolist()):
                count = os.preadv(reader, [line], self.offset(row))
                if count != size:
                    line[count:] = 0
        return buffer.view(self.dtype)[:, 0]

    def read_ahead(self, rows: np.ndarray) -> None:
        """Let the operating system read rows, without waiting for it."""
        if hasattr(os, 'posix_fadvise'):
            reader = self.reader()
            for row in rows.tolist():
                os.posix_fadvise(reader, self.offset(row),
                                 self.dtype.itemsize, os.POSIX_FADV_WILLNEED)

    def write(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Write rows.

        Raises:
            OSError: If a row cannot be written completely.
        """
        writer = self.writer()
        values = np.ascontiguousarray(values, self.dtype)
        lines = values.view(np.uint8).reshape(
            len(rows), self.dtype.itemsize)
        with self._named_errors():
            for line, row in zip(lines, rows.tolist()):
                done, offset = 0, self.offset(row)
                while done < len(line):
                    done += os.pwrite(writer, line[done:], offset + done)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Add the path to errors of the operating system."""
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror,
                          str(self.path)) from error


def _reserve(file, size: int) -> None:
    """Give a file its size, and its space on the disk."""
    file.truncate(size)
    if hasattr(os, 'posix_fallocate'):
        os.posix_fallocate(file.fileno(), 0, size)


def _header(dtype: np.dtype, shape: Tuple[int, ...]) -> bytes:
    """The header of version 1.0 of NumPy's format, whose padding is the same
    with all versions of NumPy."""
    text = repr(
        dict(
            descr=np.lib.format.dtype_to_descr(dtype),
            fortran_order=False,
            shape=shape)).encode()
    size = -(-(len(text) + 11) // 64) * 64
    return b'\x93NUMPY\x01\x00' + struct.pack(
        '<H', size - 10) + text.ljust(size - 11) + b'\n'
