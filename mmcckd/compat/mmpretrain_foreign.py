"""Keep the pretrained weights of timm and transformers.

MMEngine 0.10.7 initializes a model when its training starts, and calls
``init_weights`` of every submodule that has this method. The networks of timm
have it, so the weights of ``TimmClassifier(pretrained=True)`` are silently
replaced with random ones. MMPretrain 1.2.0 prevents this for ``TIMMBackbone``
only.

Can be deleted when MMPretrain also prevents it for its classifiers.
"""
import functools

from mmpretrain.models import HuggingFaceClassifier, TimmClassifier

from mmcckd.loaded_weights import watch_loading


def keep_pretrained_weights() -> None:
    """Mark networks as initialized if pretrained weights were loaded."""
    for classifier in (TimmClassifier, HuggingFaceClassifier):
        classifier.__init__ = _keeping(classifier.__init__)


def _keeping(init):

    @functools.wraps(init)
    def init_and_keep(self, *args, **kwargs) -> None:
        with watch_loading() as loaded:
            init(self, *args, **kwargs)
        # watch_loading does not notice how transformers loads weights.
        if loaded or kwargs.get('pretrained'):
            self.model.is_init = True  # the flag that MMEngine checks

    return init_and_keep
