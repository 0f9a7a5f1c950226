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
from mmcckd.models.algorithms.teacher_checkpoint import STUDENT, misfits
from mmcckd.version import __version__

from .config_text import check_types, parse_config
from .student_config import student_config

# What MMEngine says of a run that stays true of its student.
KEPT_META = ('dataset_meta', 'epoch', 'iter', 'seed', 'experiment_name',
             'time')


@dataclass
class Student:
    """A trained student, apart from what taught it.

    Args:
        model (BaseModel): The student with its weights, on the CPU, in eval
            mode.
        config (Config): Its MMPretrain config.
        meta (dict): What is known of its training, as MMPretrain's
            checkpoints say it.
        source (str): The name of the checkpoint's file.
        averaged (bool): Whether the weights are those that an ``EMAHook``
            averaged.
    """
    model: BaseModel
    config: Config
    meta: dict
    source: str
    averaged: bool


def load_student(checkpoint: str, config: Optional[str] = None) -> Student:
    """The student of a checkpoint that a distillation wrote.

    Where the run had an ``EMAHook``, it is the averaged student: MMEngine
    saves the average as ``state_dict``, and what it averages over as
    ``ema_state_dict``.

    Args:
        checkpoint (str): File or URL of a run of ``FrozenTeacherDistill`` or
            another algorithm of MMRazor's with an ``architecture``.
        config (str, optional): The config of the run, a file or
            ``package::path``. Defaults to None: the config that is in the
            checkpoint, which is read as data.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such checkpoint, has no config, or has one
            whose student cannot be built or does not fit the weights.
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

    meta = content.get('meta', {})
    source = config or f'the config in {checkpoint}'
    try:
        if config is not None:
            cfg = student_config(read_config(config))
        elif isinstance(meta.get('cfg'), str):
            cfg = student_config(parse_config(meta['cfg']))
            check_types(cfg)
        else:
            raise ValueError('there is none.')
        model = get_model(cfg)
    except Exception as error:  # a config can be wrong in any way
        raise ValueError(
            f'No student can be built of {source}: {type(error).__name__}: '
            f'{error} The config of the run can be given by --config.'
        ) from error
    wrong = misfits(model, weights)
    if wrong:
        raise ValueError(
            f'The student in {checkpoint} does not fit that of {source}:\n' +
            '\n'.join(wrong) + '\nGive the config of this very run.')
    return Student(
        model=model,
        config=cfg,
        meta=dict(
            {name: meta[name]
             for name in KEPT_META if name in meta},
            cfg=cfg.pretty_text,
            mmcckd_version=__version__,
            mmengine_version=mmengine.__version__,
            mmpretrain_version=mmpretrain.__version__),
        source=osp.basename(checkpoint),
        averaged='ema_state_dict' in content)
