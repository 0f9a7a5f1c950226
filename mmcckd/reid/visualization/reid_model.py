import copy
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpretrain import get_model
from mmrazor.registry import MODELS

from mmcckd.config_files.component_types import bare_type
from mmcckd.config_files.without_weights import without_weights
from mmcckd.export.student_config import student_config
from mmcckd.files.checkpoints import read_checkpoint, weights_of
from mmcckd.models.algorithms.student_checkpoint import fit_state_dict
from mmcckd.models.algorithms.teacher_images import convert_images_for_teacher
from mmcckd.progress_bar import CoarseProgressBar
from mmcckd.reid.evaluation import Ranking, evaluate_reid, rank_gallery

from .test_set import ReIDTestSet


@dataclass
class Search:
    """The results of a model for some queries.

    Attributes:
        name (str): Name of the model.
        metrics (Dict[str, float]): Metrics of :func:`evaluate_reid` on the
            complete test set.
        rankings (List[Ranking]): One for each selected query.
        distance (str): "cosine" or "euclidean".
        config (str): Path of the model's config.
        checkpoint (str): Path of its checkpoint.
    """
    name: str
    metrics: Dict[str, float]
    rankings: List[Ranking]
    distance: str
    config: str
    checkpoint: str


class ReIDModel:
    """A model with its weights, and the test set of its config.

    If the config is that of a distillation, the model is the student or,
    optionally, the teacher. The weights are loaded strictly.

    Args:
        name (str): Name of the model, for the pictures.
        cfg (Config): Config of a distillation, of a model that is trained
            alone, or of an exported student.
        checkpoint (str): Path or URL of the checkpoint. From the checkpoint of
            a distillation, the weights of the student are used.
        teacher (bool): Whether to use the teacher of the config. Defaults to
            False.

    Raises:
        FileNotFoundError: If the checkpoint does not exist.
        ValueError: If the config has no such model, no test set for
            re-identification, or an evaluator that re-ranks, or if the
            checkpoint cannot be read or does not fit.
    """

    def __init__(self,
                 name: str,
                 cfg: Config,
                 checkpoint: str,
                 teacher: bool = False) -> None:
        self.name = name
        self.config = cfg.filename
        self.checkpoint = str(checkpoint)
        init_default_scope(cfg.get('default_scope', 'mmpretrain'))
        if teacher:
            cfg = _teacher_config(cfg)
        try:
            own_cfg = student_config(cfg)
        except ValueError as error:
            raise ValueError(
                f'{self.config} cannot be tested: {error}') from error
        self.distance = _distance(own_cfg, self.config)
        split = 'test' if cfg.get('test_dataloader') else 'val'
        loader = copy.deepcopy(cfg[f'{split}_dataloader'])
        # One row of features for each image, in the order of the data set.
        loader.sampler = dict(type='DefaultSampler', shuffle=False)
        loader.pop('batch_sampler', None)
        loader.pop('drop_last', None)
        self.loader = Runner.build_dataloader(loader, seed=0)
        self.test_set = ReIDTestSet(self.loader.dataset)
        self.model = get_model(own_cfg)
        if teacher:  # it gets the same images as in the run
            network = MODELS.build(without_weights(cfg.model.architecture))
            convert_images_for_teacher(network, self.model.data_preprocessor)
            self.model = network
        self._load()

    def search(self, queries: Sequence[int], topk: int = 10) -> Search:
        """Rank the gallery for some queries, and compute the metrics of all.

        Args:
            queries (Sequence[int]): Numbers of the queries in the test set.
            topk (int): Number of entries in each ranking. Defaults to 10.

        Raises:
            ValueError: If the model computes no features, or in the cases of
                :func:`evaluate_reid`.
        """
        features, test_set = self._extract(), self.test_set
        samples = [
            values[part]
            for values in (features, test_set.ids, test_set.cameras)
            for part in (test_set.query, test_set.gallery)
        ]
        return Search(
            name=self.name,
            metrics=evaluate_reid(*samples, self.distance, ranks=(1, )),
            rankings=rank_gallery(*samples, queries, self.distance, topk),
            distance=self.distance,
            config=self.config,
            checkpoint=self.checkpoint)

    def _load(self) -> None:
        weights = weights_of(
            read_checkpoint(self.checkpoint), self.checkpoint)
        try:
            fit_state_dict(self.model, weights, self.checkpoint)
        except ValueError as error:
            raise ValueError(
                f'{self.name}, of {self.config}: {error}') from None

    @torch.no_grad()
    def _extract(self) -> np.ndarray:
        """Compute the feature of each image as in a test, (N, d), float32."""
        model = self.model.to(get_device()).eval()
        bar = CoarseProgressBar(len(self.test_set.paths))
        features: Optional[np.ndarray] = None
        done = 0
        for batch in self.loader:
            samples = model.test_step(batch)
            if 'feature' not in samples[0]:
                raise ValueError(
                    f'The head of {self.config}, a '
                    f'{type(model.head).__name__}, predicts no feature. Use a '
                    'head such as ReIDHead.')
            rows = torch.stack([sample.feature for sample in samples])
            if features is None:
                features = np.empty(
                    (len(self.test_set.paths), rows.shape[1]), np.float32)
            features[done:done + len(rows)] = rows.float().cpu().numpy()
            done += len(rows)
            bar.update(len(rows))
        return features


def _teacher_config(cfg: Config) -> Config:
    """A copy of the config with the teacher as the student."""
    if 'teacher' not in cfg.get('model', {}):
        raise ValueError(
            f'{cfg.filename} has no model.teacher. Give the config of a '
            'distillation, or --compare with the config of the teacher.')
    cfg = copy.deepcopy(cfg)
    cfg.model.architecture = cfg.model.pop('teacher')
    return cfg


def _distance(cfg: Config, name: str) -> str:
    """The distance that the metric of the config uses."""
    evaluators = cfg.test_evaluator
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    for evaluator in evaluators:
        if bare_type(evaluator).endswith('ReIDMetric'):
            if evaluator.get('rerank'):
                raise ValueError(
                    f'The evaluator of {name} re-ranks, but pictures can only '
                    'show the ranking before. Set its rerank=False.')
            return evaluator.get('distance', 'cosine')
    return 'cosine'
