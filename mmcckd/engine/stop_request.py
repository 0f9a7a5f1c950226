"""Agree between ranks on the iteration after which all of them stop."""
from typing import Callable

import torch
from mmengine.dist import (
    get_comm_device,
    get_default_group,
    get_world_size,
)

INTERVAL = 10  # iterations between two exchanges


class StopRequest:
    """A request to stop, which reaches the ranks at different times.

    Every :data:`INTERVAL` iterations, the ranks exchange whether any of them
    was asked to stop. The result is read at the next exchange, so that no rank
    waits for its GPU. All ranks then stop after the same iteration, at most
    2 · :data:`INTERVAL` iterations after the request. A single process stops
    after its current iteration.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._collect: Callable[[], bool] = lambda: False

    def set(self) -> None:
        """Ask all ranks to stop."""
        self.is_set = True

    def is_agreed(self, iteration: int) -> bool:
        """Whether to stop now. All ranks call it after each iteration.

        Args:
            iteration (int): Number of the iteration.
        """
        if get_world_size() == 1:
            return self.is_set
        if iteration % INTERVAL:
            return False
        is_agreed = self._collect()
        self._collect = _start_exchange(self.is_set)
        return is_agreed


def _start_exchange(is_set: bool) -> Callable[[], bool]:
    """Start to exchange a flag; the result is whether any rank has set it."""
    # Not torch.tensor(), which waits for the GPU to copy the number.
    flag = torch.full(
        (), float(is_set), device=get_comm_device(get_default_group()))
    work = torch.distributed.all_reduce(
        flag, torch.distributed.ReduceOp.MAX, async_op=True)
    if flag.device.type != 'cuda':

        def collect() -> bool:
            work.wait()
            return bool(flag)

        return collect
    work.wait()  # makes the GPU wait, not this process
    copy = flag.to('cpu', non_blocking=True)
    copied = torch.cuda.Event()
    copied.record()

    def collect_copy() -> bool:
        copied.synchronize()
        return bool(copy)

    return collect_copy
