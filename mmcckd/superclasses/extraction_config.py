"""The teacher and the training set that a config describes."""
import copy
import hashlib
import os.path as osp
from typing import List, Optional, Tuple
from urllib.parse import urlparse

import torch
from mmengine import fileio
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmengine.registry import DATASETS
from mmrazor.registry import MODELS
from torch.utils.data import Dataset

from mmcckd.config_files.without_weights import without_weights
from mmcckd.models.algorithms.teacher_checkpoint import load_teacher_checkpoint
from mmcckd.models.algorithms.teacher_images import convert_images_for_teacher


def teacher_config(cfg: Config) -> dict:
    """Get the teacher of a distillation config, or the model of another.

    Raises:
        ValueError: If the config has no model.
    """
    if 'model' not in cfg:
        raise ValueError(
            f'{cfg.filename} has no model; give the config of a distillation '
            'or of the teacher itself.')
    return cfg.model.get('teacher', cfg.model)


def build_teacher(cfg: Config, checkpoint: str
                  ) -> Tuple[BaseModel, BaseDataPreprocessor]:
    """Build the teacher with its weights, and its data preprocessor.

    The data preprocessor is that of the training. In a distillation, this is
    the one of the model, or else of the config, or else of the student. If the
    teacher has another one, the images are converted as in
    :class:`.FrozenTeacherDistill`.

    Returns:
        Tuple[BaseModel, BaseDataPreprocessor]: The teacher is in eval mode.

    Raises:
        FileNotFoundError, ValueError: See :func:`.load_teacher_checkpoint` and
            :func:`.convert_images_for_teacher`.
    """
    config = copy.deepcopy(teacher_config(cfg))
    preprocessor = copy.deepcopy(preprocessor_config(cfg))
    distils = 'teacher' in cfg.model
    if not distils and preprocessor is not None:
        config['data_preprocessor'] = preprocessor
    teacher = MODELS.build(config)
    try:
        load_teacher_checkpoint(teacher, checkpoint)
    except ValueError as error:
        if distils and _is_of_the_student(cfg, checkpoint):
            raise ValueError(
                f"{error}\nIt is the student's checkpoint, which fits the "
                "student exactly. Give the teacher's; or, to cluster the "
                "student's features, the config of the student alone."
            ) from error
        raise
    teacher.eval()
    if distils and preprocessor is not None:
        convert_images_for_teacher(teacher, MODELS.build(preprocessor))
    elif distils:
        student = MODELS.build(without_weights(cfg.model.architecture))
        convert_images_for_teacher(teacher, student.data_preprocessor)
    return teacher, teacher.data_preprocessor


def _is_of_the_student(cfg: Config, checkpoint: str) -> bool:
    try:
        load_teacher_checkpoint(
            MODELS.build(copy.deepcopy(cfg.model.architecture)), checkpoint)
    except ValueError:
        return False
    return True


def preprocessor_config(cfg: Config) -> Optional[dict]:
    """Get the data preprocessor of the training, as the runner does."""
    return cfg.model.get('data_preprocessor', cfg.get('data_preprocessor'))


def training_set_config(cfg: Config) -> dict:
    """Get the training set with the test pipeline, which is not random.

    Raises:
        ValueError: If the config has no training set, or no test pipeline.
    """
    loader = cfg.get('train_dataloader') or {}
    if 'dataset' not in loader:
        raise ValueError(f'{cfg.filename} has no train_dataloader.dataset.')
    dataset = copy.deepcopy(loader['dataset'])
    pipeline = _test_pipeline(cfg)
    for base in _base_configs(dataset):
        base['pipeline'] = copy.deepcopy(pipeline)
    return dataset


def build_training_set(cfg: Config) -> Dataset:
    """Build the dataset of :func:`training_set_config`."""
    dataset = DATASETS.build(training_set_config(cfg))
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def _test_pipeline(cfg: Config) -> List[dict]:
    """The pipeline of the test, or else of the validation."""
    for loader in ('test_dataloader', 'val_dataloader'):
        if cfg.get(loader):
            return _base_configs(cfg[loader]['dataset'])[0]['pipeline']
    raise ValueError(f'{cfg.filename} has neither a test_dataloader nor a '
                     'val_dataloader, whose pipeline the features need.')


def _base_configs(dataset: dict) -> List[dict]:
    """The datasets within wrappers such as ``RepeatDataset``."""
    inner = dataset.get('datasets', [dataset['dataset']]
                        if 'dataset' in dataset else [])
    if not inner:
        return [dataset]
    return [base for part in inner for base in _base_configs(part)]


def checkpoint_sha256(filename: str) -> str:
    """Compute the SHA-256 of a checkpoint that was loaded, also from a URL."""
    if filename.startswith(('http://', 'https://')):
        filename = osp.join(torch.hub.get_dir(), 'checkpoints',
                            osp.basename(urlparse(filename).path))
    if osp.isfile(filename):
        digest = hashlib.sha256()
        with open(filename, 'rb') as file:
            for block in iter(lambda: file.read(2**20), b''):
                digest.update(block)
        return digest.hexdigest()
    return hashlib.sha256(fileio.get(filename)).hexdigest()
