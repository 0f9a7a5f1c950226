"""The initial weights of a frozen teacher."""
import logging
from typing import Tuple
from unittest import mock

from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.runner import checkpoint
from mmrazor.registry import MODELS

from mmcckd.loaded_weights import Weights, keep_loaded, watch_loading

from .teacher_checkpoint import WeightMismatch, load_and_compare

MAX_LISTED = 5


def build_teacher(config: dict) -> Tuple[BaseModel, Weights]:
    """Build a teacher, and check that pretrained weights fit.

    Args:
        config (dict): Config of the teacher. With ``cfg_path`` and
            ``pretrained=True``, MMEngine loads the published checkpoint, as
            far as it fits.

    Returns:
        Tuple[BaseModel, Weights]: The teacher, and the weights that were
        loaded while it was built, including those that other packages, such
        as timm, have loaded.

    Raises:
        ValueError: If pretrained weights do not fit.
    """

    def load_all(module, state_dict, strict=False, logger=None) -> None:
        wrong = load_and_compare(module, state_dict)
        if wrong:
            raise WeightMismatch(
                'The pretrained weights do not fit the teacher, a '
                f'{type(module).__name__}:\n' + '\n'.join(wrong) +
                '\nDo not change the architecture of the pretrained teacher, '
                'or leave pretrained out and give model.teacher_ckpt.', wrong)

    with mock.patch.object(checkpoint, 'load_state_dict', load_all), \
            watch_loading() as loaded:
        teacher = MODELS.build(config)
    if config.get('pretrained') is True and not loaded:
        # transformers does not use the methods that are watched.
        teacher._is_init = True
    return teacher, loaded


def keep_given_weights(teacher: BaseModel) -> None:
    """Keep the weights of a teacher that was given as a model."""
    if not teacher.is_init and any(
            'Pretrained' in str(getattr(module, 'init_cfg', None))
            for module in teacher.modules()):
        print_log(
            'The teacher was given as a model, so its weights are kept. Its '
            'init_cfg has pretrained weights, but init_weights() was not '
            'called. To load them, call the init_weights() of the teacher '
            'first.',
            logger='current',
            level=logging.WARNING)
    teacher._is_init = True


def init_teacher(teacher: BaseModel, loaded: Weights) -> None:
    """Initialize the weights that were not loaded, and warn about them.

    Args:
        teacher (BaseModel): The teacher.
        loaded (Weights): The weights that were loaded. The caller must make
            sure that weights that ``init_weights`` loads are added.
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
        message = ('The teacher has no teacher_ckpt: this run distills from '
                   'random weights.')
    else:
        message = (
            f'{len(random)} of the {len(weights)} weights of the teacher are '
            f'random, since they were not loaded: '
            f'{", ".join(random[:MAX_LISTED])}'
            f'{", …" if len(random) > MAX_LISTED else ""}. A loss that uses '
            'their outputs distills noise. Give model.teacher_ckpt, which '
            'must have all weights.')
    print_log(message, logger='current', level=logging.WARNING)
