"""Config files: what overrides and inheritance do, and what they do not."""
