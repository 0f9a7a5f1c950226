"""``--tta``: test on several versions of each image."""
import copy

from mmengine.config import Config, ConfigDict


def set_test_time_augmentation(cfg: Config) -> None:
    """Have the test average what the model says of each image's versions.

    The config's ``tta_model`` and ``tta_pipeline``, or else, as with
    MMPretrain's tools, the mean of the scores of the image and of its mirror
    image.

    Args:
        cfg (Config): The config of a test; it is changed.

    Raises:
        ValueError: If there is no ``test_dataloader``, its data set has no
            pipeline, or the test is of re-identification and there is no
            ``tta_model``.
    """
    if not cfg.get('test_dataloader'):
        raise ValueError(f'--tta, but {cfg.filename} has no test_dataloader.')
    if cfg.get('tta_model') is None:
        if 'ReIDMetric' in str(cfg.get('test_evaluator')):
            raise ValueError(
                '--tta averages the scores of classes, but the test of '
                f'{cfg.filename} compares features; leave --tta out, or give '
                'a tta_model that merges features.')
        cfg.tta_model = dict(type='mmpretrain.AverageClsScoreTTA')
    dataset = cfg.test_dataloader.dataset
    if 'pipeline' not in dataset:
        raise ValueError(
            f'--tta changes the pipeline of the test set, but {dataset.type} '
            'in test_dataloader has none of its own, such as a wrapper of '
            'others; test these one by one.')
    if cfg.get('tta_pipeline') is None:
        *pipeline, pack = copy.deepcopy(dataset.pipeline)
        flips = [dict(type='RandomFlip', prob=p) for p in (1.0, 0.0)]
        augment = dict(type='TestTimeAug', transforms=[flips, [pack]])
        cfg.tta_pipeline = [*pipeline, augment]
    dataset.pipeline = cfg.tta_pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
