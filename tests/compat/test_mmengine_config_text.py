"""A config that did not change is formatted once."""
from mmengine.config import Config

import mmcckd  # noqa: F401


def test_texts_are_those_of_mmengine(monkeypatch):
    import mmengine.config.config as config
    cfg = Config(dict(model=dict(type='A', layers=list(range(40)))))
    text = cfg.pretty_text
    assert cfg.pretty_text is text
    original = config.FormatCode.__wrapped__
    cfg.model.type = 'B'
    changed = cfg.pretty_text
    assert changed != text and "type='B'" in changed
    cfg.model.type = 'A'
    assert cfg.pretty_text == text
    monkeypatch.setattr(config, 'FormatCode', original)
    assert cfg.pretty_text == text
