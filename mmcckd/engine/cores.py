import os


def available_cores() -> int:
    """The cores that this process may use.

    A launcher gives each rank one thread. Where one rank computes for all,
    the others have nothing to do, and it may take them all.
    """
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
