"""Check values of a GPU without waiting for them."""
from typing import Callable, Optional, Tuple

import torch
from torch import Tensor


class LateCheck:
    """Check values, those of a GPU one call later.

    The CPU runs ahead of a GPU, and has to wait for it to read a value. The
    values are therefore copied while the GPU goes on, and checked at the next
    call, when the copy has usually been made. Values of other devices are
    checked at once. The values of the last call on a GPU are not checked.

    A copy of this object, such as that of a module, starts anew.

    Args:
        check (Callable): Function of a tensor on the CPU that raises a
            ``ValueError`` if the values are wrong.
    """

    def __init__(self, check: Callable[[Tensor], None]) -> None:
        self.check = check
        self._copied: Optional[Tuple[Tensor, torch.cuda.Event]] = None

    def __call__(self, values: Tensor) -> None:
        """Check the values, or those of the previous call.

        Args:
            values (Tensor): Small, since they are copied.

        Raises:
            ValueError: If the values are wrong.
        """
        values = values.detach()
        if values.device.type != 'cuda':
            self.check(values)
            return
        previous = self._copied
        # PyTorch allocates pinned memory for such a copy.
        self._copied = (values.to('cpu', non_blocking=True),
                        torch.cuda.current_stream(
                            values.device).record_event())
        if previous is not None:
            values, event = previous
            event.synchronize()
            try:
                self.check(values)
            except ValueError as error:
                raise ValueError(f'In the previous step: {error}') from None

    def __getstate__(self) -> dict:
        return dict(vars(self), _copied=None)
