"""Build MMRazor's recipe of Once-for-All.

``ofa_mobilenet_supernet_32xb64_in1k.py`` gives ``BigNAS`` its mutator as
``mutators``, an argument that it does not have, so the recipe, and those that
inherit from it, fail with a ``TypeError``.

Can be deleted when MMRazor's recipe has ``mutator``.
"""
import functools

from mmrazor.models.algorithms import BigNAS


def accept_mutators_in_bignas() -> None:
    """Use ``mutators`` as ``mutator``, if only the former is given."""
    init = BigNAS.__init__

    @functools.wraps(init)
    def init_with_mutators(self, *args, mutators=None, **kwargs) -> None:
        if mutators is not None:
            kwargs.setdefault('mutator', mutators)
        init(self, *args, **kwargs)

    BigNAS.__init__ = init_with_mutators
