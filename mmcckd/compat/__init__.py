"""Workarounds for other packages, one a file.

Each file says when it can be deleted.
"""
