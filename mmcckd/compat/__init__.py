"""Upstream's version troubles, one a file; each says when it can go."""
