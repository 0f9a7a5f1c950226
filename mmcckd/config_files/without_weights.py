"""Remove the loading of weights from the configs of models."""
import copy

from mmengine.config import ConfigDict


def without_weights(cfg):
    """Copy the config of a model so that building it loads no weights.

    Args:
        cfg (ConfigDict): ``cfg.model``, or any part of it.

    Returns:
        ConfigDict: The config without the checkpoint of a teacher, and with
        ``pretrained`` disabled in all networks. ``init_cfg`` is kept, since
        only ``init_weights`` uses it.
    """
    if isinstance(cfg, dict):
        return ConfigDict({
            key: _without_weights(key, value)
            for key, value in cfg.items() if key != 'ckpt_path'
        })
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(map(without_weights, cfg))
    return copy.deepcopy(cfg)


def _without_weights(key: str, value):
    if key == 'teacher_ckpt':
        return None
    if key == 'pretrained':  # a flag, or in old configs a path
        return None if isinstance(value, str) else False
    return without_weights(value)
