"""Class-uniform batches for a recipe."""
import logging

from mmengine.config import Config
from mmengine.logging import print_log

from mmcckd.config_files.component_types import bare_type
from mmcckd.models.kinds import CLASSIFIER


def set_sampler(cfg: Config, sampler: str, samples_per_class: int,
                kind: str) -> None:
    """Set the batch sampler of the training set.

    Args:
        cfg (Config): The recipe. It is changed in place, unless it is
            data-free.
        sampler (str): "CURSampler".
        samples_per_class (int): k of CURSampler.
        kind (str): Kind of the networks, see :func:`.kind_of`.

    Raises:
        ValueError: If the sampler is another one, the recipe has a batch
            sampler already, or its images have no single label.
    """
    if sampler != 'CURSampler':
        raise ValueError(
            f"sampler must be 'CURSampler', None or 'auto', but is "
            f'{sampler!r}; for other samplers, use None and set '
            'train_dataloader.batch_sampler.')
    if kind != CLASSIFIER:
        raise ValueError(
            f'sampler=CURSampler draws batches by the label of each image, '
            f'but this recipe trains a {kind}, whose images have no single '
            'label. Leave sampler out, or set sampler=None.')
    if cfg.model.get('teachers'):
        print_log(
            'mix_cc does not change the sampler of this data-free recipe, '
            'since a generator creates its images.',
            logger='current',
            level=logging.INFO)
        return
    loader = cfg.train_dataloader
    if loader.get('batch_sampler'):
        raise ValueError(
            'mix_cc sets a CURSampler, but train_dataloader has the '
            f'batch_sampler {bare_type(loader.batch_sampler)} already; set '
            'sampler=None to keep it, or remove it from the recipe.')
    # PyTorch does not allow drop_last together with a batch sampler.
    loader.pop('drop_last', None)
    # CURSampler only uses seed, epoch and rank of the sampler.
    if bare_type(loader.get('sampler') or {}) != 'DefaultSampler':
        loader.sampler = dict(type='DefaultSampler', shuffle=True)
    loader.batch_sampler = dict(
        type='CURSampler', samples_per_class=samples_per_class)
