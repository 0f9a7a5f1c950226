"""Measures of features: cosines within and between classes, and CKA."""
