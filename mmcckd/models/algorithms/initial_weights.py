"""What weights a frozen teacher starts from, and whether it has any."""
import logging
from typing import Tuple
from unittest import mock

from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import checkpoint
from mmrazor.registry import MODELS

from mmcckd.loaded_weights import Weights, keep_loaded, watch_loading

from .teacher_checkpoint import Misfit, misfits

MAX_LISTED = 5


def build_teacher(config: dict) -> Tuple[BaseModel, Weights]:
    """Build a teacher; weights that MMEngine loads meanwhile must fit.

    Args:
        config (dict): With ``pretrained=True`` beside ``cfg_path``, MMEngine
            loads the published checkpoint as far as it fits.

    Returns:
        Tuple[BaseModel, Weights]: The teacher; what was loaded into it, also
        by other packages, such as timm.

    Raises:
        ValueError: If weights do not fit.
    """

    def load_all(module, state_dict, strict=False, logger=None) -> None:
        wrong = misfits(module, state_dict)
        if wrong:
            raise Misfit(
                'The pretrained weights do not fit the teacher, a '
                f'{type(module).__name__}:\n' + '\n'.join(wrong) +
                '\nLeave the teacher as its weights need it, or pretrained '
                'out, and give model.teacher_ckpt.', wrong)

    with mock.patch.object(checkpoint, 'load_state_dict', load_all), \
            watch_loading() as loaded:
        teacher = MODELS.build(config)
    if config.get('pretrained') is True and not loaded:
        # transformers loads in a way of its own.
        teacher._is_init = True
    return teacher, loaded


def keep_weights_of(teacher: BaseModel) -> None:
    """Take the weights of a teacher that was given as a model."""
    if not teacher.is_init and any(
            'Pretrained' in str(getattr(module, 'init_cfg', None))
            for module in teacher.modules()):
        print_log(
            'The teacher was given as a model, whose weights are kept. Its '
            'init_cfg names pretrained weights, which were not loaded, unless '
            'by other means: if they are meant, call its init_weights() '
            'first.',
            logger='current',
            level=logging.WARNING)
    teacher._is_init = True


def init_teacher(teacher: BaseModel, loaded: Weights) -> None:
    """Initialize what has not been loaded, and warn if anything is random.

    Args:
        teacher (BaseModel): The teacher.
        loaded (Weights): What has been loaded. Whoever gives it sees to it
            that what ``init_weights`` loads is added.
    """
    with keep_loaded(loaded):
        teacher.init_weights()
    weights = {(module, name): f'{prefix}.{name}'.lstrip('.')
               for prefix, module in teacher.named_modules()
               for name, weight in module._parameters.items()
               if weight is not None}
    random = [weights[each] for each in weights if each not in loaded]
    if not random:
        return
    if len(random) == len(weights):
        message = ('The teacher has no teacher_ckpt: this run distils from '
                   'random weights.')
    else:
        message = (
            f'{len(random)} of the {len(weights)} weights of the teacher are '
            f'random, for nothing was loaded into them: '
            f'{", ".join(random[:MAX_LISTED])}'
            f'{", …" if len(random) > MAX_LISTED else ""}. A loss that uses '
            'what they compute distils noise; model.teacher_ckpt loads all.')
    print_log(message, logger='current', level=logging.WARNING)
