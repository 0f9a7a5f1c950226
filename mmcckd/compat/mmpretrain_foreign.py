"""Keep the pretrained weights of timm and transformers.

MMEngine 0.10.7 initializes a model when its training starts, and calls the
``init_weights`` of any part that has one. timm's networks have, so that the
weights of ``TimmClassifier(pretrained=True)`` are drawn anew, without a word.
MMPretrain 1.2.0 prevents it for ``TIMMBackbone`` alone.

Can be deleted when MMPretrain does so for its classifiers, too.
"""
import functools

from mmpretrain.models import HuggingFaceClassifier, TimmClassifier

from mmcckd.loaded_weights import watch_loading


def keep_pretrained_weights() -> None:
    """Mark what was loaded as initialized."""
    for classifier in (TimmClassifier, HuggingFaceClassifier):
        classifier.__init__ = _keeping(classifier.__init__)


def _keeping(init):

    @functools.wraps(init)
    def init_and_keep(self, *args, **kwargs) -> None:
        with watch_loading() as loaded:
            init(self, *args, **kwargs)
        # transformers loads in a way of its own.
        if loaded or kwargs.get('pretrained'):
            self.model.is_init = True  # MMEngine's flag

    return init_and_keep
