"""Files that are written completely, locked, and read without running code.

Each module does one of these, for all other packages, and imports none of
them.
"""
