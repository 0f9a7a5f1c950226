"""Test-time augmentation (``--tta``)."""
import copy

from mmengine.config import Config, ConfigDict

from mmcckd.config_files.component_types import bare_type


def set_test_time_augmentation(cfg: Config) -> None:
    """Set up a test that averages predictions over versions of each image.

    The ``tta_model`` and ``tta_pipeline`` of the config are used. If they are
    not set, the scores of the image and of its mirror image are averaged, as
    in MMPretrain's tools.

    Args:
        cfg (Config): The config of a test; it is changed.

    Raises:
        ValueError: If there is no ``test_dataloader``, its data set has no
            pipeline, or it is a test of re-identification without a
            ``tta_model``.
    """
    if not cfg.get('test_dataloader'):
        raise ValueError(
            f'--tta needs a test_dataloader, but {cfg.filename} has none.')
    if cfg.get('tta_model') is None:
        if 'ReIDMetric' in str(cfg.get('test_evaluator')):
            raise ValueError(
                '--tta averages the scores of classes, but the test of '
                f'{cfg.filename} compares features; remove --tta, or set a '
                'tta_model that merges features.')
        cfg.tta_model = dict(type='mmpretrain.AverageClsScoreTTA')
    dataset = cfg.test_dataloader.dataset
    if 'pipeline' not in dataset:
        raise ValueError(
            f'--tta changes the pipeline of the test set, but '
            f'{bare_type(dataset)} '
            'in test_dataloader has no pipeline. If it is a wrapper, test the '
            'wrapped data sets one by one.')
    if cfg.get('tta_pipeline') is None:
        *pipeline, pack = copy.deepcopy(dataset.pipeline)
        flips = [dict(type='RandomFlip', prob=p) for p in (1.0, 0.0)]
        augment = dict(type='TestTimeAug', transforms=[flips, [pack]])
        cfg.tta_pipeline = [*pipeline, augment]
    dataset.pipeline = cfg.tta_pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
