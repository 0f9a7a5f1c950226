"""Overrides and inheritance of config files, and checks of their effect."""
