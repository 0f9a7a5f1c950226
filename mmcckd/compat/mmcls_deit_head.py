"""Use MMRazor's DeiT head with MMPretrain's DeiT backbone.

``mmrazor.DeiTClsHead`` unpacks patch tokens, class token and distillation
token, which is the output of the backbone in mmcls. MMPretrain's backbone
outputs only the latter two, so the head fails with "not enough values to
unpack".

Can be deleted when MMRazor's head expects two tokens.
"""
import functools


def accept_two_tokens_in_deit_head() -> None:
    """Accept features with and without patch tokens."""
    # Imported here, since MMRazor must be made importable first.
    from mmrazor.models import DeiTClsHead
    pre_logits = DeiTClsHead.pre_logits
    if hasattr(pre_logits, '__wrapped__'):
        return

    @functools.wraps(pre_logits)
    def pre_logits_of_two_tokens(self, feats):
        tokens = feats[-1]
        if len(tokens) == 2:
            tokens = (None, *tokens)  # the head does not use patch tokens
        return pre_logits(self, (tokens, ))

    DeiTClsHead.pre_logits = pre_logits_of_two_tokens
