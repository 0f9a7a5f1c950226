"""Mixed precision on a CPU.

MMEngine 0.10.7 refuses to build an ``AmpOptimWrapper`` without a GPU, although
its autocast computes in bfloat16 on a CPU. The range of bfloat16 is that of
float32, so that the loss need not be scaled; PyTorch disables the scaler.

Can be deleted when MMEngine's ``AmpOptimWrapper`` accepts a CPU.
"""
import functools
import warnings
from unittest import mock

from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper


def accept_cpus_in_amp() -> None:
    """Make ``AmpOptimWrapper`` accept a CPU, without a scale of the loss."""
    initialize = AmpOptimWrapper.__init__
    load = AmpOptimWrapper.load_state_dict
    if hasattr(initialize, '__wrapped__'):
        return

    @functools.wraps(initialize)
    def initialize_on_any_device(self, *args, **kwargs) -> None:
        if get_device() != 'cpu':
            return initialize(self, *args, **kwargs)
        with mock.patch.object(
                amp_optimizer_wrapper, 'is_cuda_available',
                return_value=True), warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='.*GradScaler')
            initialize(self, *args, **kwargs)

    @functools.wraps(load)
    def load_from_any_device(self, state_dict: dict) -> None:
        if not state_dict.get('loss_scaler', True):  # saved on a CPU
            state_dict = {
                key: value
                for key, value in state_dict.items() if key != 'loss_scaler'
            }
        load(self, state_dict)

    AmpOptimWrapper.__init__ = initialize_on_any_device
    AmpOptimWrapper.load_state_dict = load_from_any_device
