"""A run of a study: train, test, and measure the structure of features."""
import gc
import shutil
from pathlib import Path
from typing import Dict, List, Optional

import numpy as np
import torch
from mmengine.config import Config
from sklearn.metrics import silhouette_score
from torch import Tensor, nn

import mmcckd  # noqa: F401  (registers the components)
from mmcckd.engine import build_runner
from mmcckd.engine.config_arguments import read_config
from mmcckd.engine.host_defaults import fill_in_preprocessor
from mmcckd.functional import gaussian_rbf
from mmcckd.functional.feature_structure import cosine_structure, linear_cka

from .run import Run
from .stored_teachers import set_views
from .study_folder import CHECKPOINT, FEATURES


def train(run: Run, folder: Path, root: Path,
          teacher_folder: Optional[Path] = None,
          superclasses: Optional[Path] = None) -> Dict[str, float]:
    """Train a network and measure it, in one thread.

    Afterwards the folder holds the log, the config and the last checkpoint, as
    ``tools/train.py`` writes them, and the features of the test split, (n, d),
    float32.

    Args:
        run (Run): The run.
        folder (Path): Its folder; files of an earlier attempt are deleted.
        root (Path): The repository, which configs are relative to.
        teacher_folder (Path, optional): The folder of the teacher's run.
        superclasses (Path, optional): The superclass file of the teacher.

    Returns:
        Dict[str, float]: Accuracies, in %, on ``val`` and ``test``; of the
        test features ``intra_class_cosine``, ``inter_class_cosine``,
        ``cosine_gap`` and ``silhouette`` (of cosine distances); and, with a
        teacher, ``cc_distance`` (L_CC by the exact Gaussian RBF, γ = 0.4) and
        ``cka`` (linear) between its features and those of the run.
    """
    torch.set_num_threads(1)  # so that sums are the same to the last bit
    gc.freeze()  # do not search inherited objects for garbage
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    runner = build_runner(
        make_config(run, folder, root, teacher_folder, superclasses))
    runner.train()
    (folder / CHECKPOINT).symlink_to(
        Path((folder / 'last_checkpoint').read_text()).name)

    model = getattr(runner.model, 'student', runner.model)
    with _OutputRecorder(model.neck) as features:
        metrics = dict(val=runner.val()['accuracy/top1'])
        features.clear()
        metrics.update(test=runner.test()['accuracy/top1'])
        features = torch.cat(features)
    np.save(folder / FEATURES, features.numpy())
    labels = torch.tensor(runner.test_dataloader.dataset.get_gt_labels())
    metrics.update(measure_structure(features, labels))
    if teacher_folder is not None:
        metrics.update(
            compare_structure(
                features,
                torch.from_numpy(np.load(teacher_folder / FEATURES))))
    return {name: round(float(m), 6) for name, m in metrics.items()}


def measure_structure(features: Tensor, labels: Tensor) -> Dict[str, float]:
    """Similarity within classes, and separation between them."""
    return dict(
        cosine_structure(features, labels)._asdict(),
        silhouette=silhouette_score(
            features.numpy(), labels.numpy(), metric='cosine'))


def compare_structure(features: Tensor, teacher: Tensor) -> Dict[str, float]:
    """Similarity of a student's features (n, d) to the teacher's (n, e)."""
    difference = gaussian_rbf(features, order=None) - gaussian_rbf(
        teacher, order=None)
    return dict(
        cc_distance=difference.square().mean().item(),
        cka=linear_cka(features, teacher))


def make_config(run: Run, folder: Path, root: Path,
                teacher_folder: Optional[Path],
                superclasses: Optional[Path]) -> Config:
    """The config of a run; the arguments are those of :func:`train`."""
    cfg = read_config(str(root / run.config), run.options)
    fill_in_preprocessor(cfg)
    cfg.randomness = dict(seed=run.seed)
    cfg.work_dir = str(folder)
    cfg.log_level = 'WARNING'
    # Only the last weights are evaluated and kept.
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', interval=cfg.train_cfg.max_epochs)
    cfg.train_cfg.val_begin = cfg.train_cfg.max_epochs + 1
    if 'teacher_ckpt' in cfg.model:
        cfg.model.teacher_ckpt = str(teacher_folder / CHECKPOINT)
    if superclasses is not None:
        cfg.train_dataloader.batch_sampler.superclasses = str(superclasses)
    if run.teacher_store:
        cfg = set_views(cfg, run.teacher_store, teacher_folder)
    return cfg


class _OutputRecorder:
    """Record the outputs of a module, batch by batch."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __enter__(self) -> List[Tensor]:
        outputs = []

        def record(module, inputs, output) -> None:
            if isinstance(output, (tuple, list)):
                output = output[-1]
            outputs.append(output.detach().cpu().float())

        self._handle = self.module.register_forward_hook(record)
        return outputs

    def __exit__(self, *_) -> None:
        self._handle.remove()
