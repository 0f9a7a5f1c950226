"""Configs of models that are built without loading weights."""
import copy

from mmengine.config import ConfigDict


def without_weights(cfg):
    """A copy of a model's config that asks for no weights when it is built.

    Args:
        cfg (ConfigDict): ``cfg.model``, or any part of it.

    Returns:
        ConfigDict: Without a teacher's checkpoint, and with ``pretrained``
        off in all networks. What an ``init_cfg`` says is left; it is for
        ``init_weights``.
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
    if key == 'pretrained':  # a flag, or of old a path
        return None if isinstance(value, str) else False
    return without_weights(value)
