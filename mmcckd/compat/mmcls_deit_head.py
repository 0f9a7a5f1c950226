"""Let MMRazor's DeiT head take what MMPretrain's DeiT backbone gives.

``mmrazor.DeiTClsHead`` unpacks patch tokens, class token and distillation
token, as mmcls's backbone gave them. MMPretrain's gives the latter two, and
"not enough values to unpack" follows.

Can be deleted when MMRazor's head asks for two.
"""
import functools


def accept_two_tokens_in_deit_head() -> None:
    """Take features with and without patch tokens."""
    from mmrazor.models import DeiTClsHead  # once MMRazor can be imported
    pre_logits = DeiTClsHead.pre_logits
    if hasattr(pre_logits, '__wrapped__'):
        return

    @functools.wraps(pre_logits)
    def pre_logits_of_two_tokens(self, feats):
        tokens = feats[-1]
        if len(tokens) == 2:
            tokens = (None, *tokens)  # the head has no use for patch tokens
        return pre_logits(self, (tokens, ))

    DeiTClsHead.pre_logits = pre_logits_of_two_tokens
