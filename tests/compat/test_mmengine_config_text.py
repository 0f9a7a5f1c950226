"""A config that did not change is formatted once."""
from mmengine.config import Config

import mmcckd  # noqa: F401


def test_texts_are_those_of_mmengine(monkeypatch):
    import mmengine.config.config as config
    import yapf.yapflib.yapf_api as yapf_api
    module = config if hasattr(config, 'FormatCode') else yapf_api
    cfg = Config(dict(model=dict(type='A', layers=list(range(40)))))
    text = cfg.pretty_text
    assert cfg.pretty_text is text
    original = module.FormatCode.__wrapped__
    cfg.model.type = 'B'
    changed = cfg.pretty_text
    assert changed != text and "type='B'" in changed
    cfg.model.type = 'A'
    assert cfg.pretty_text == text
    monkeypatch.setattr(module, 'FormatCode', original)
    assert cfg.pretty_text == text
