"""Files that are written completely, locked, and read without running code.

All other packages use these modules, which import no other part of mmcckd.
"""
