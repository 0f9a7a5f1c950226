"""Have what is loaded into a network fit, whatever function loads it."""
import re
from typing import Any, Callable, List, Optional

from torch import nn

from mmcckd.loaded_weights import Weights, fitting

from .teacher_checkpoint import Misfit, list_misfits

# What torch says of a tensor of another shape.
SHAPES = re.compile(r'size mismatch for (\S+):.*Size\(\[(.*)\]\).*'
                    r'Size\(\[(.*)\]\)\.?')


class StrictLoading:
    """Sees to it that weights loaded into a teacher, or a part of it, fit.

    MMEngine's ``load_checkpoint`` and ``init_cfg=dict(type='Pretrained')``
    load what fits, and only log the rest. Both, and torch's
    ``load_state_dict``, call the hooks that this registers.

    Of what is loaded into a part, such as the backbone, tensors of modules
    that the part does not have are ignored: the checkpoint of a whole
    classifier has a head, too.

    Args:
        teacher (nn.Module): The network.
        before (Callable): Called with the module that something is to be
            loaded into.

    Attributes:
        loaded (Weights): What has been loaded.
        failure (str, optional): Why the last attempt did not fit. The weights
            are of no use then.
    """

    def __init__(self, teacher: nn.Module,
                 before: Callable[[nn.Module], None]) -> None:
        self.teacher = teacher
        self.before = before
        self.loaded: Weights = set()
        self.failure: Optional[str] = None
        self._into: Optional[nn.Module] = None
        self._errors: Optional[list] = None
        for module in teacher.modules():
            module._register_load_state_dict_pre_hook(
                self._before_module, with_module=True)
            module.register_load_state_dict_post_hook(self._after_module)

    def check_last(self) -> None:
        """Raise if the weights that were loaded last did not fit.

        Raises:
            ValueError: With the reason.
        """
        if self.failure is not None:
            raise ValueError(
                'The teacher has no weights since something was loaded that '
                f'did not fit. {self.failure}')

    def _before_module(self, module: nn.Module, state_dict: dict, prefix: str,
                       metadata: dict, strict: bool, missing: List[str],
                       unexpected: List[str], errors: List[str]) -> None:
        if errors is not self._errors:  # each call to load has its own list
            self._errors = errors
            self._into = module
            self.before(module)
        self.loaded |= fitting(module, state_dict, prefix)

    def _after_module(self, module: nn.Module, keys: Any) -> None:
        if module is not self._into:
            return
        whole = module is self.teacher
        wrong = list_misfits(
            keys.missing_keys,
            [key for key in keys.unexpected_keys
             if whole or key.split('.')[0] in module._modules],
            [SHAPES.sub(r'\1 (\2) for (\3)', error)
             for error in self._errors])
        self._into = self._errors = None
        if wrong:
            part = '' if whole else f'{name_in(self.teacher, module)} of the '
            self.failure = (
                f'The checkpoint does not fit the {part}teacher, a '
                f'{type(module).__name__}:\n' + '\n'.join(wrong))
            raise Misfit(
                f'{self.failure}\nGive the checkpoint of this very model, or '
                'change model.teacher to the model of the checkpoint.', wrong)
        if whole:
            self.failure = None
            # MMEngine's flag: do not initialize it again.
            module._is_init = True


def name_in(network: nn.Module, module: nn.Module) -> str:
    """The name of a module in a network."""
    names = {each: name for name, each in network.named_modules()}
    return names.get(module, f'a {type(module).__name__}')
