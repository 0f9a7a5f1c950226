"""Workarounds for other packages, one per file.

Each file says when it can be deleted.
"""
