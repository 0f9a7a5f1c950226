"""Take the teacher's features from a teacher store."""
from typing import Optional, Sequence

import numpy as np
import torch
from torch.nn import functional as F

from mmcckd.progress_bar import CoarseProgressBar
from mmcckd.teacher_store import TeacherStore, unflatten

from .feature_file import FeatureFile
from .recorded_feature import select_feature

BATCH_SIZE = 1024


def copy_features(store: TeacherStore,
                  file: FeatureFile,
                  module: str,
                  record_idx: int,
                  data_idx: Optional[int],
                  inputs: bool = False,
                  connectors: Sequence[dict] = ()) -> None:
    """Write the L2-normalized features of view 0 into a feature file.

    Args:
        store (TeacherStore): The store. It must belong to the teacher and the
            training set with the test pipeline, which has a single view.
        file (FeatureFile): The file for the features.
        module (str): Name of the module whose output is the feature.
        record_idx (int): Which of the module's calls to take.
        data_idx (int, optional): Which output to take, if the module has
            several.
        inputs (bool): Whether the inputs of the module are the feature,
            instead of its output. Defaults to False.
        connectors (Sequence[dict]): Configs of connectors that reduce it to
            one feature for each image. Defaults to none.

    Raises:
        ValueError: If the store does not have the outputs of the module, only
            the ``top_k`` largest, or not those of all samples.
    """
    what = 'inputs' if inputs else 'outputs'
    source = f'Module{what.capitalize()}:{module}'
    layouts = store.layouts
    if source not in layouts:
        raise ValueError(
            f'The teacher store {store.path} does not have the {what} of '
            f'{module!r}; it has {", ".join(layouts) or "nothing"}. Give '
            '--module, or remove --teacher-store to run the teacher.')
    if layouts[source].top_k is not None:
        raise ValueError(
            f'The teacher store {store.path} has only the '
            f'{layouts[source].top_k} largest {what} of {module!r} '
            '(top_k), which are not its features. Give another --module, or '
            'remove --teacher-store to run the teacher.')
    samples = np.arange(store.num_samples)
    missing = store.missing(np.zeros_like(samples), samples, [source])
    if missing.any():
        raise ValueError(
            f'The teacher store {store.path} lacks {missing.sum():,} of '
            f'{len(samples):,} samples in view 0. Fill it with '
            'tools/store_teacher.py, or remove --teacher-store to run the '
            'teacher.')
    with file.writing():
        samples = samples[file.rows_done:]
        if not len(samples):
            return
        bar = CoarseProgressBar(len(samples))
        for begin in range(0, len(samples), BATCH_SIZE):
            batch = samples[begin:begin + BATCH_SIZE]
            leaves = store.read(np.zeros_like(batch), batch, [source])[source]
            output = unflatten(layouts[source].structure,
                               list(map(torch.from_numpy, leaves)))
            if isinstance(output, list):  # one entry for each call
                output = output[record_idx]
            x = F.normalize(select_feature(output, data_idx, connectors))
            file.write(
                int(batch[0]), x.numpy(), np.ones(len(batch), bool))
            bar.update(len(batch))
