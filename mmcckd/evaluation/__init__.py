"""How features are arranged: cosines within and between classes, CKA."""
