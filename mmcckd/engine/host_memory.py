"""Keep the memory of freed tensors for the next iteration."""
import ctypes
import os
import platform

# From glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def keep_freed_memory() -> bool:
    """Make glibc reuse the memory of freed tensors, also of large ones.

    By default, glibc returns the memory of a large tensor to the kernel when
    it is freed. On a CPU, each training step then gets its activations anew,
    in pages that the kernel fills with zeros first. For MobileNetV2, this
    takes a quarter of the time of a step. With this function, the process
    keeps its peak memory until it ends. Results do not change.

    If the environment has settings of glibc's allocator (``MALLOC_…``,
    ``GLIBC_TUNABLES``), they are kept, and nothing is changed. Other
    allocators are not affected.

    Returns:
        bool: Whether the allocator was changed.
    """
    if platform.libc_ver()[0] != 'glibc' or any(
            name.startswith(('MALLOC_', 'GLIBC_TUNABLES'))
            for name in os.environ):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1))
