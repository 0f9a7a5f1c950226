"""Check that weights which are loaded into a teacher fit."""
import re
from typing import Any, Callable, List, Optional

from torch import nn

from mmcckd.loaded_weights import Weights, fitting

from .teacher_checkpoint import WeightMismatch, describe_mismatch

# torch's message about a tensor of another shape.
SHAPES = re.compile(r'size mismatch for (\S+):.*Size\(\[(.*)\]\).*'
                    r'Size\(\[(.*)\]\)\.?')


class StrictLoading:
    """Raise an error if weights do not fit a teacher, or a part of it.

    MMEngine's ``load_checkpoint`` and ``init_cfg=dict(type='Pretrained')``
    load the weights that fit, and only log the others. Both functions, and
    torch's ``load_state_dict``, call the hooks that this class registers for
    each module.

    If a part of the teacher is loaded, such as the backbone, tensors of
    modules that this part does not have are ignored, since the checkpoint of
    a classifier also contains the head.

    Args:
        teacher (nn.Module): The teacher.
        before (Callable): Function that is called before weights are loaded,
            with the module into which they are loaded.

    Attributes:
        loaded (Weights): The weights that were loaded so far.
        failure (str, optional): Why the weights that were loaded last did not
            fit. The teacher cannot be used then.
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
                'The teacher cannot be used, since the weights that were '
                f'loaded last did not fit. {self.failure}')

    def _before_module(self, module: nn.Module, state_dict: dict, prefix: str,
                       metadata: dict, strict: bool, missing: List[str],
                       unexpected: List[str], errors: List[str]) -> None:
        if errors is not self._errors:  # each call of a loader has a new list
            self._errors = errors
            self._into = module
            self.before(module)
        self.loaded |= fitting(module, state_dict, prefix)

    def _after_module(self, module: nn.Module, keys: Any) -> None:
        if module is not self._into:
            return
        complete = module is self.teacher
        wrong = describe_mismatch(
            keys.missing_keys,
            [key for key in keys.unexpected_keys
             if complete or key.split('.')[0] in module._modules],
            [SHAPES.sub(r'\1 (\2) for (\3)', error)
             for error in self._errors])
        self._into = self._errors = None
        if wrong:
            name = 'teacher' if complete else (
                f'{name_of(self.teacher, module)} of the teacher')
            self.failure = (
                f'The checkpoint does not fit the {name}, a '
                f'{type(module).__name__}:\n' + '\n'.join(wrong))
            raise WeightMismatch(
                f'{self.failure}\nGive a checkpoint of this model, or change '
                'model.teacher to the model of the checkpoint.', wrong)
        if complete:
            self.failure = None
            # MMEngine's flag: do not initialize it again.
            module._is_init = True


def name_of(network: nn.Module, module: nn.Module) -> str:
    """The name of a module in a network."""
    names = {each: name for name, each in network.named_modules()}
    return names.get(module, f'a {type(module).__name__}')
