"""What ``tools/check_mmrazor_recipes.py`` needs to try MMRazor's recipes."""
