import os.path as osp
from dataclasses import dataclass
from typing import Optional

import mmengine
import mmpretrain
from mmengine.config import Config
from mmengine.model import BaseModel
from mmpretrain import get_model

from mmcckd.engine.config_arguments import read_config
from mmcckd.files.checkpoints import read_checkpoint, weights_of
from mmcckd.models.algorithms.teacher_checkpoint import (
    STUDENT,
    load_and_compare,
)
from mmcckd.version import __version__

from .config_text import config_text, parse_config
from .stored_config import check_stored_config
from .student_config import student_config

# Facts about the run that also hold for the exported student.
KEPT_META = ('dataset_meta', 'epoch', 'iter', 'seed', 'experiment_name',
             'time')


@dataclass
class Student:
    """A trained student without its teacher.

    Args:
        model (BaseModel): The student with its weights, on the CPU and in
            eval mode.
        config (Config): Its MMPretrain config.
        meta (dict): Information about the training, as in MMPretrain's
            checkpoints.
        source (str): The name of the checkpoint's file.
        averaged (bool): Whether the weights were averaged by an ``EMAHook``.
        trusted (bool): Whether the config is not from the checkpoint. Defaults
            to True.
    """
    model: BaseModel
    config: Config
    meta: dict
    source: str
    averaged: bool
    trusted: bool = True


def load_student(checkpoint: str, config: Optional[str] = None) -> Student:
    """Load the student of a distillation from a checkpoint.

    If the run had an ``EMAHook``, the averaged student is loaded: MMEngine
    saves the averaged weights as ``state_dict``, and the weights of the last
    iteration as ``ema_state_dict``.

    Args:
        checkpoint (str): File or URL of a checkpoint of
            ``FrozenTeacherDistill`` or another algorithm of MMRazor with an
            ``architecture``.
        config (str, optional): The config of the run, a file or
            ``package::path``. Defaults to None, the config in the checkpoint,
            which is read as data: it cannot import modules, download
            anything, or name files other than those of the test set.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the checkpoint cannot be read or holds no student, or
            if the config is missing, or its student cannot be built or does
            not fit the weights.
    """
    content = read_checkpoint(checkpoint)
    state_dict = weights_of(content, f'The checkpoint {checkpoint}')
    weights = {
        name[len(STUDENT):]: tensor
        for name, tensor in state_dict.items() if name.startswith(STUDENT)
    }
    if not weights:
        found = {name.split('.')[0] for name in state_dict}
        raise ValueError(
            f'{checkpoint} has no student: expected tensors named {STUDENT}*, '
            f'but found {", ".join(sorted(found))}. Give a '
            'checkpoint of a distillation; that of a plain MMPretrain run '
            'needs no export.')

    meta = content.get('meta')
    meta = meta if isinstance(meta, dict) else {}
    source = config or f'the config in {checkpoint}'
    try:
        if config is not None:
            cfg = student_config(read_config(config))
        elif isinstance(meta.get('cfg'), str):
            cfg = student_config(parse_config(meta['cfg']))
            check_stored_config(cfg)
        else:
            raise ValueError('there is no config.')
        text = config_text(cfg)
        model = get_model(cfg)
    except Exception as error:  # a wrong config can raise any error
        raise ValueError(
            f'The student of {source} cannot be built: '
            f'{type(error).__name__}: {error} Give the config of the run by '
            '--config.') from error
    wrong = load_and_compare(model, weights)
    if wrong:
        raise ValueError(
            f'The student in {checkpoint} does not fit that of {source}:\n' +
            '\n'.join(wrong) + '\nGive the config of the same run.')
    return Student(
        model=model,
        config=cfg,
        meta=dict(
            {name: meta[name]
             for name in KEPT_META if name in meta},
            cfg=text,
            mmcckd_version=__version__,
            mmengine_version=mmengine.__version__,
            mmpretrain_version=mmpretrain.__version__),
        source=osp.basename(checkpoint),
        averaged='ema_state_dict' in content,
        trusted=config is not None)
